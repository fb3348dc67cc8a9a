"""The grid of experts beside a what-if: its own values, or what it changed; and the experts that it acts on.

Axes: L layers, E experts.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.content.comparison_values import ComparedSamples, ComparedValues, compared_samples, compared_values
from app.content.difference_support import test_columns
from app.content.effects import EFFECT_METRICS
from app.content.expert_grid import ExpertGrid, FloatArray, expert_grid, grid_metric
from app.state.state import State
from app.state.what_if_state import Mode
from moe_core.interventions.intervention import Intervention
from moe_core.measures.metric import MetricValues
from moe_core.measures.question_filter import Expert
from moe_core.measures.support import support_text
from moe_core.numbers.formatting import (
    count,
    elide,
    number_with_interval,
    points,
    points_with_interval,
    short,
    significant,
)

_LONGEST_TITLE = 24
_DOINGS = {"reroute": "re-routed", "drop": "dropped", "boost": "boosted"}


@dataclass(frozen=True)
class WhatIfGrid(ExpertGrid):
    """The side after: `values` and `sample` are those of the what-if, in the colours of the baseline."""

    both: ComparedValues
    samples: ComparedSamples
    baseline: MetricValues
    title: str

    @property
    def range_values(self) -> FloatArray:
        """Those of the baseline: going from one to the other then shows what changed, not how colours are given."""
        return self.baseline.values

    @property
    def was_never_used(self) -> NDArray[np.bool_]:
        """Experts that no token of the scope chose before [L, E]."""
        return np.equal(self.samples.before.totals.tokens, 0)

    def cell_facts(self, layer: int, expert: int) -> list[str]:
        """What is known of a cell: before, after, change, support on both sides."""
        cell = layer, expert
        facts = [
            f"before {ExpertGrid(self.metric, self.both.before, self.samples.before).cell_value_text(*cell)}",
            f"after {ExpertGrid(self.metric, self.both.after, self.samples.after).cell_value_text(*cell)}",
            *self.change_facts(layer, expert),
        ]
        if self.was_never_used[cell] or np.equal(self.samples.after.totals.tokens[cell], 0):
            facts.append(_USE[bool(self.was_never_used[cell]), bool(self.samples.after.totals.tokens[cell] == 0)])
        n_before, n_after = int(self.both.before.support[cell]), int(self.both.after.support[cell])
        return [*facts, f"n = {count(n_before)} → {count(n_after)} of {count(self.samples.n)} questions"]

    def change_facts(self, layer: int, expert: int) -> list[str]:
        """The change of a cell with its interval, and whether its test supports it."""
        cell, found = (layer, expert), self.both.difference
        change = float(found.values[cell])
        if np.isnan(change):
            return []
        if found.lower is None or found.upper is None:
            return [f"change {self.change_text(change)}"]
        ends = float(found.lower[cell]), float(found.upper[cell])
        text = points_with_interval if self.is_share else partial(number_with_interval, signed=True)
        return [f"change {text(change, *ends)}", f"change {support_text(found, cell)}"]

    def change_text(self, change: float) -> str:
        """A change of the metric."""
        if self.is_share:
            return points(change)
        return significant(change, 4, signed=True)

    def n_text(self) -> str:
        """Which what-if, and how many questions are compared."""
        return f"what-if: {elide(self.title, _LONGEST_TITLE)}, n = {count(self.samples.n)} compared"

    def n_tip(self) -> str:
        """Which questions these are."""
        left_out = f"; left out: {self.left_out_text()}" if self.samples.n_left_out else ""
        return f"Questions of the selection answered both before and in what-if “{self.title}”{left_out}"

    def left_out_text(self) -> str:
        """Questions of the selection that are not among them; empty where all are."""
        return f"{count(self.samples.n_left_out)} not compared" if self.samples.n_left_out else ""

    def value_columns(self) -> dict[str, NDArray[np.generic]]:
        """Both sides and the change with its interval."""
        return {
            f"{self.heading}, before": self.both.before.values,
            f"{self.heading}, after": self.both.after.values,
            "after less before": self.both.difference.values,
            **test_columns(self.both.difference),
            "questions before": self.both.before.support.astype(np.int64),
            "questions after": self.both.after.support.astype(np.int64),
        }


@dataclass(frozen=True)
class DifferenceGrid(WhatIfGrid):
    """After less before, around zero."""

    @property
    def range_key(self) -> str:
        """Ranges of changes are chosen apart from those of values."""
        return f"{self.metric.name} changed"

    @property
    def range_values(self) -> FloatArray:
        """The changes."""
        return self.values.values

    @property
    def is_signed(self) -> bool:
        """A change has a middle."""
        return True

    @property
    def is_never_used(self) -> NDArray[np.bool_]:
        """Experts that no token chose, neither before nor after [L, E]."""
        return self.was_never_used & np.equal(self.samples.after.totals.tokens, 0)

    def value_text(self, value: float) -> str:
        """A change, signed."""
        return self.change_text(value)

    def tick_text(self, value: float) -> str:
        """A round change at the colour bar, signed."""
        return short(value * 100 if self.is_share else value, signed=True)

    @property
    def colour_title(self) -> str:
        """Which way the change goes, too."""
        unit = f" [{self.tick_unit}]" if self.tick_unit else ""
        return f"{self.metric.title}, after less before{unit}"

    def rank_facts(self, layer: int, expert: int) -> list[str]:
        """None: the first of all would be the largest rise, which nobody asked for."""
        return []

    def n_text(self) -> str:
        """Of which what-if, and how many questions are compared."""
        return f"difference: {elide(self.title, _LONGEST_TITLE)}, n = {count(self.samples.n)} compared"


_USE = {
    (True, True): "never used in this scope",
    (True, False): "never used before",
    (False, True): "never used after",
}


def shown_grid(state: State) -> ExpertGrid | None:
    """The grid of a state in its mode; None without a trace."""
    samples, metric = compared_samples(state), grid_metric(state.metric)
    both = compared_values(state, metric) if samples is not None and samples.n else None
    if samples is None or both is None or state.trace is None or state.what_if is None or metric in EFFECT_METRICS:
        return expert_grid(state)
    baseline = state.trace.values(metric, state.scope, state.filter)
    rest = both, samples, baseline, state.what_if.title
    if state.mode is Mode.DIFFERENCE:
        return DifferenceGrid(metric, both.difference, samples.after, *rest)
    return WhatIfGrid(metric, both.after, samples.after, *rest)


@dataclass(frozen=True)
class Hatching:
    """The experts that an intervention acts on, as the grid shows them.

    `of` names a what-if with another one than is being edited; `is_planned`: no what-if of it is shown.
    """

    intervention: Intervention
    of: str = ""
    is_planned: bool = True

    def cells(self, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """Which cells are hatched [L, E]; None where none is."""
        if self.intervention.is_empty():
            return None
        cells = np.zeros(shape, bool)
        cells[tuple(np.array(sorted(self.intervention.experts)).T)] = True
        return cells

    @property
    def words(self) -> str:
        """What a hatch means, for the legend."""
        kinds = [bool(self.intervention.mask), bool(self.intervention.boost)]
        words = " or ".join(word for word, is_there in zip(("masked", "boosted"), kinds, strict=True) if is_there)
        return f"{words} {self.of}".strip()

    def facts(self, cell: Expert) -> list[str]:
        """What is done to an expert; nothing where it is left alone."""
        times = f" × {short(self.intervention.boost[cell], 6)}" if cell in self.intervention.boost else ""
        done = " and ".join(_DOINGS[kind] for kind in self.intervention.actions(cell)) + times
        return [f"{'to be ' * self.is_planned}{done} {self.of}".strip()] if done else []


def hatching(state: State) -> Hatching:
    """What the mask being edited acts on; beside a what-if with another one, what that acted on."""
    what_if = state.what_if
    if what_if is None or state.mode is Mode.BASELINE:
        return Hatching(state.intervention)
    is_edited = _act_alike(what_if.intervention, state.intervention)
    of = "" if is_edited else f"in what-if “{elide(what_if.title, _LONGEST_TITLE)}”"
    return Hatching(what_if.intervention, of, is_planned=False)


def _act_alike(one: Intervention, other: Intervention) -> bool:
    return (one.reroute, one.drop, one.boost) == (other.reroute, other.drop, other.boost)
