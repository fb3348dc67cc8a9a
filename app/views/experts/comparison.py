"""What the grid of experts shows beside a what-if: the values of its side, or what it changed."""

from app.content.effects import EFFECT_METRICS
from app.content.grids.compared_grid import DifferenceGrid, WhatIfGrid
from app.content.grids.comparison_values import compared_samples, compared_values
from app.content.grids.effect_grid import expert_grid
from app.content.grids.expert_grid import ExpertGrid, grid_metric
from app.state.state import State
from app.state.what_if_state import Mode


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
