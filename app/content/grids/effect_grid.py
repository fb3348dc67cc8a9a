"""The grid of a state, and what it shows where the metric is of effects: how far the value of each expert is known.

Axes: L layers, E experts.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.content.effects import EFFECT_METRICS, ShownEffects, shown_effects
from app.content.grids.expert_grid import ExpertGrid, Marginal, grid_metric
from app.state.state import State
from moe_core.measures.metric import MetricValues
from moe_core.numbers.formatting import count, counted


@dataclass(frozen=True)
class EffectGrid(ExpertGrid):
    """A metric of effects, of a map over the questions shown."""

    effects: ShownEffects

    @cached_property
    def is_never_used(self) -> NDArray[np.bool_]:
        """Experts that no token of the prompt chose [L, E]."""
        return ~self.effects.used

    @property
    def faded(self) -> NDArray[np.bool_] | None:
        """Cells whose mean may be 0 [L, E]; None where no cell can be."""
        if not self.is_signed:
            return super().faded
        return self.effects.is_noise & ~self.is_never_used & ~np.isnan(self.values.values)

    @property
    def faded_name(self) -> str:
        """Why a cell has hardly any colour."""
        return "within two standard errors of 0"

    @property
    def blank_name(self) -> str:
        """What a cell without a value means."""
        return "not measured"

    def marginal_name(self, kind: Marginal) -> str:
        """What the bars at the sides show."""
        return kind if self.faded is None else "clear"

    def cell_facts(self, layer: int, expert: int) -> list[str]:
        ranked = self.effects.ranked()
        facts = [*self.effects.facts((layer, expert)), self.n_text()]
        if (layer, expert) not in ranked:
            return [*facts, "no prompt token chooses it"]
        return [*facts, f"{count(ranked.index((layer, expert)) + 1)} of {count(len(ranked))} by harm"]

    def note(self) -> str:
        if not np.isnan(self.values.values).all():
            return ""
        if not self.effects.cells.n:
            return "No question shown is in the effect map."
        return "No expert was measured yet: “Measure” in the menu Effects does that."

    def n_text(self) -> str:
        return f"n = {counted(self.effects.cells.n, 'question')}"

    @property
    def supported(self) -> NDArray[np.bool_] | None:
        """Cells that are no noise [L, E]; None where no cell can be."""
        if self.faded is None:
            return super().supported
        return ~self.faded & ~self.is_never_used & ~np.isnan(self.values.values)


def expert_grid(state: State) -> ExpertGrid | None:
    """The grid of a state; None without a trace."""
    if state.trace is None:
        return None
    metric = grid_metric(state.metric)
    sample, values = (
        state.trace.sample(state.scope, state.filter),
        state.trace.values(metric, state.scope, state.filter),
    )
    effects = shown_effects(state) if metric in EFFECT_METRICS else None
    if effects is not None:
        shape = values.values.shape
        values = state.trace.kept(
            ("effect values", metric.name, effects),
            lambda: MetricValues(
                effects.values(metric),
                np.full(shape, float(effects.cells.n)),
                lower=effects.measured.lower if metric.is_signed else None,
                upper=effects.measured.upper if metric.is_signed else None,
            ),
        )
        return EffectGrid(metric, values, sample, effects)
    return ExpertGrid(metric, values, sample)
