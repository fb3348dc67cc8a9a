"""The columns of the ranking of experts: every metric of the grid with its interval and support, a row an expert.

Axes: L layers, E experts; rows go through the layers one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.content.grids.expert_grid import GRID_METRICS, ExpertGrid
from app.state.state import State
from app.views.experts.comparison import shown_grid
from moe_core.figures.array_table import ArrayTable, Cell, ColumnStyle
from moe_core.measures.metric import Metric
from moe_core.measures.question_filter import Expert
from moe_core.numbers.formatting import finite, significant

ELASTIC, LEADING = "state", ("expert", "n")


class Measured(float):
    """One value of a grid, which sorts as a number and is written with its interval."""

    grid: ExpertGrid
    cell: Expert

    @classmethod
    def of(cls, grid: ExpertGrid, cell: Expert) -> "Measured":
        made = cls(grid.values.values[cell])
        made.grid, made.cell = grid, cell
        return made

    @property
    def text(self) -> str:
        """With its interval, where the metric has one."""
        return self.grid.cell_value_text(*self.cell)

    @property
    def facts(self) -> str:
        """All that is known of it: sides, support, rank."""
        return "; ".join(self.grid.cell_facts(*self.cell))

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of its 95 % interval; NaN where it has none."""
        lower, upper = self.grid.values.lower, self.grid.values.upper
        return (
            (np.nan, np.nan) if lower is None or upper is None else (float(lower[self.cell]), float(upper[self.cell]))
        )

    @property
    def n(self) -> int:
        """The questions behind it."""
        return int(self.grid.values.support[self.cell])


def _whole(value: int) -> Cell:
    return int(value)


def _bound(value: Measured, end: int) -> float:
    return value.bounds[end]


_number = partial(ColumnStyle, width=7, exported=_whole, is_number=True)


def _styles_of(metric: Metric) -> Iterator[ColumnStyle]:
    """The value as it is read; its ends and its support in columns of their own, for files and for sorting."""
    width = 25 if metric.is_signed else 20 if metric.is_percent else 12
    value = partial(ColumnStyle, exported=finite, is_number=True, width=width, is_hidden=True)
    yield value(
        metric.name,
        metric.title,
        metric.title,
        metric.meaning,
        shown=lambda measured: measured.text,
        meaning=lambda measured: measured.facts,
        wide_width=22,
        is_hidden=False,
        ends=(f"{metric.name}_lower", f"{metric.name}_upper"),
    )
    end = partial(value, shown=significant)
    yield end(f"{metric.name}_lower", "lower", f"{metric.title}: lower 95 %", "Lower end of the 95 % interval.")
    yield end(f"{metric.name}_upper", "upper", f"{metric.title}: upper 95 %", "Upper end of the 95 % interval.")
    yield _number(f"{metric.name}_n", "n", f"{metric.title}: questions", "Questions behind the value.", is_hidden=True)


STYLES = (
    ColumnStyle("expert", "Expert", "Expert", "Layer, by the model’s own number, and expert.", width=7),
    _number("layer", "Layer", "Layer", "The layer’s number in the model.", is_hidden=True),
    _number("n", "n", "Questions", "Questions of the selection with a token that chose the expert."),
    *(style for metric in GRID_METRICS for style in _styles_of(metric)),
    ColumnStyle("state", "State", "State", "Whether the expert is masked, or never used in this scope.", width=10),
)


def grids_of(state: State) -> dict[str, ExpertGrid]:
    """The grid of every metric, in the mode of the state; empty without a trace."""
    found = ((metric.name, shown_grid(replace(state, metric=metric.name))) for metric in GRID_METRICS)
    return {name: grid for name, grid in found if grid is not None}


def ranking_table(grids: Mapping[str, ExpertGrid], states: NDArray[np.object_]) -> ArrayTable:
    """The table; `states` [L * E] are words such as "masked"."""
    first = next(iter(grids.values()))
    layers, cells = first.sample.layers, [(row, column) for row, column in np.ndindex(*first.values.values.shape)]
    columns: list[Sequence[object] | NDArray[np.generic]] = [
        [layers.name(cell) for cell in cells],
        np.array([layers[place] for place, _ in cells]),
        first.sample.counts.questions.ravel().astype(np.int64),
    ]
    for grid in grids.values():
        values = [Measured.of(grid, cell) for cell in cells]
        columns.append(values)
        columns += [np.array([_bound(value, end) for value in values]) for end in (0, 1)]
        columns.append(grid.values.support.ravel().astype(np.int64))
    return ArrayTable(STYLES, (*columns, states), first.is_never_used.ravel())
