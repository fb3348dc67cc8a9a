"""The grids of the runs beside each other in one range: their values, or what each has more than the baseline.

Axes: L layers, E experts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.content.grids.expert_grid import ExpertGrid, FloatArray
from app.content.grids.hatching import Hatching
from app.content.runs_beside import RunsBeside
from moe_core.figures.beside import BesideFigure
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.table import FigureTable
from moe_core.interventions.layers import Layers
from moe_core.measures.metric import Metric
from moe_core.measures.question_filter import Expert


@dataclass(frozen=True)
class RunGrids:
    """`differences`: of every run but the baseline, less that. `shows_all`: differences that may be noise in colour."""

    runs: RunsBeside
    metric: Metric
    differences: bool
    shows_all: bool

    @cached_property
    def places(self) -> tuple[int, ...]:
        every = range(len(self.runs.names))
        return tuple(at for at in every if not (self.differences and at == self.runs.baseline))

    @cached_property
    def grids(self) -> tuple[ExpertGrid | str, ...]:
        """The grid of each of them, or the sentence that says why there is none."""
        if not self.differences:
            return tuple(self.runs.values(self.metric, at) for at in self.places)
        return tuple(self.runs.why_unlike(at) or self.runs.difference(self.metric, at) for at in self.places)

    @property
    def known(self) -> list[ExpertGrid]:
        return [grid for grid in self.grids if isinstance(grid, ExpertGrid)]

    @property
    def is_signed(self) -> bool:
        """Whether colours diverge from a middle."""
        return self.differences or self.metric.is_signed

    @property
    def range_key(self) -> str:
        """The range that a person chose is kept for values and for differences apart."""
        return f"{self.metric.name} changed" if self.differences else self.metric.name

    @property
    def range_values(self) -> FloatArray:
        """All values of all grids: the colours of one mean the same in every other."""
        return np.concatenate([grid.values.values.ravel() for grid in self.known] or [np.zeros(0)])

    def figure(self, scale: ColourScale, describe: Callable[[int, int, int], str], title: str) -> BesideFigure:
        """The maps; `describe` says what is known of a cell of one of them."""
        maps = tuple(self._map(at, scale, describe) for at in range(len(self.places)))
        return BesideFigure(maps, tuple(map(self.name, range(len(self.places)))), title)

    def name(self, at: int) -> str:
        name, baseline = self.runs.names[self.places[at]], self.runs.names[self.runs.baseline]
        if self.differences:
            return f"{name} less {baseline}"
        return f"{name} · baseline" if self.places[at] == self.runs.baseline else name

    def layers(self, at: int) -> Layers:
        return self.runs.data[self.places[at]].layers

    def facts(self, at: int, cell: Expert) -> list[str]:
        """What is known of a cell of one grid; nothing where that has no such cell."""
        grid = self.grids[at]
        if isinstance(grid, str):
            return [grid]
        shape = grid.values.values.shape
        if not (cell[0] < shape[0] and cell[1] < shape[1]):
            return []
        return [*grid.cell_facts(*cell), *self._hatching(at).facts(cell)]

    def table(self) -> FigureTable:
        columns: tuple[str, ...] = ()
        rows: list[tuple[str | float | int | None, ...]] = []
        for at, grid in enumerate(self.grids):
            if isinstance(grid, ExpertGrid):
                table = grid.table()
                columns = ("run", *table.columns)
                if not self.runs.are_of_one_shape:  # then no cell of the trace shown is meant
                    columns = ("run", "its layer", "its expert", *table.columns[2:])
                rows += [(self.name(at), *row) for row in table.rows]
        return FigureTable(columns, rows)

    def _hatching(self, at: int) -> Hatching:
        run = self.runs.data[self.places[at]]
        return Hatching(run.specification.actions, run.layers, is_planned=False)

    def _map(self, at: int, scale: ColourScale, describe: Callable[[int, int, int], str]) -> HeatMapFigure:
        grid, shape = self.grids[at], self.runs.shapes[self.places[at]]
        if isinstance(grid, str):
            names = tuple(map(str, self.layers(at)))
            nothing = np.full(shape, np.nan), np.zeros(shape, bool)
            return HeatMapFigure(*nothing, scale, note=grid, is_signed=True, row_names=names)
        hatching, faded = self._hatching(at), grid.faded
        return HeatMapFigure(
            values=grid.values.values,
            is_never_used=grid.is_never_used,
            scale=scale,
            is_signed=grid.is_signed,
            hatched=hatching.cells(shape),
            hatched_name=hatching.words,
            faded=None if faded is None else faded & (not self.shows_all),
            faded_name=grid.faded_name,
            note=grid.note(),
            title=self.name(at),
            value_title=grid.colour_title,
            value_unit=grid.tick_unit,
            format_value=grid.tick_text,
            row_names=tuple(map(str, self.layers(at))),
            describe=lambda layer, expert: describe(at, layer, expert),
        )
