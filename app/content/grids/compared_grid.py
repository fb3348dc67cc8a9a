"""The grid of experts beside another run of the same questions: that run's own values, or what changed.

Axes: L layers, E experts.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.content.grids.comparison_values import ComparedSamples, ComparedValues
from app.content.grids.difference_support import test_columns
from app.content.grids.expert_grid import ExpertGrid, FloatArray
from moe_core.measures.metric import MetricValues
from moe_core.measures.support import support_text
from moe_core.numbers.formatting import (
    count,
    counted,
    elide,
    number_with_interval,
    points,
    points_with_interval,
    short,
    significant,
)

LONGEST_TITLE = 24


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
        return np.equal(self.samples.before.counts.tokens, 0)

    def cell_facts(self, layer: int, expert: int) -> list[str]:
        cell = layer, expert
        facts = [
            f"before {ExpertGrid(self.metric, self.both.before, self.samples.before).cell_value_text(*cell)}",
            f"after {ExpertGrid(self.metric, self.both.after, self.samples.after).cell_value_text(*cell)}",
            *self.change_facts(layer, expert),
        ]
        if self.was_never_used[cell] or np.equal(self.samples.after.counts.tokens[cell], 0):
            facts.append(_USE[bool(self.was_never_used[cell]), bool(self.samples.after.counts.tokens[cell] == 0)])
        n_before, n_after = int(self.both.before.support[cell]), int(self.both.after.support[cell])
        of = counted(self.samples.n, self.samples.before.item)
        return [*facts, f"n = {count(n_before)} → {count(n_after)} of {of}"]

    def change_facts(self, layer: int, expert: int) -> list[str]:
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
        return f"what-if: {elide(self.title, LONGEST_TITLE)}, n = {count(self.samples.n)} compared"

    def n_tip(self) -> str:
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
        return self.values.values

    @property
    def is_signed(self) -> bool:
        """A change has a middle."""
        return True

    @property
    def is_never_used(self) -> NDArray[np.bool_]:
        """Experts that no token chose, neither before nor after [L, E]."""
        return self.was_never_used & np.equal(self.samples.after.counts.tokens, 0)

    def value_text(self, value: float) -> str:
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
        return f"difference: {elide(self.title, LONGEST_TITLE)}, n = {count(self.samples.n)} compared"


_USE = {
    (True, True): "never used in this scope",
    (True, False): "never used before",
    (False, True): "never used after",
}
