"""The experts that one token was sent to: a row for each layer, a box for each rank, filled by gate weight.

Beside a what-if a layer has two rows, before above after: those that left are struck through, those that came have a
plus. Axes: L layers, K chosen experts.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QSizePolicy

from app.widgets.bars.model import BarCell, BarCells, BarColumn
from app.widgets.bars.table import BarTable
from moe_core.figures.colour.colours import BASELINE, QUANTITY, WHAT_IF
from moe_core.figures.gates import GateFigure, GateRow

_TIGHTEST, _USUAL, _WIDEST = 15, 18, 26
"""Height of a row in pixels: the least that can be read, the one asked for, the most it grows to."""
Side = tuple[GateRow, ...]
Describe = Callable[[int, int], str]
"""Says what a layer and a rank hold."""


class GateTable(BarTable):
    """Gates in; `expert_chosen` with layer, expert and whether it adds to the selection, or `layer_chosen`, out."""

    expert_chosen = Signal(int, int, bool)
    layer_chosen = Signal(int)
    first_column = 1

    def __init__(self) -> None:
        super().__init__(can_choose=True)
        self._sides: tuple[Side, ...] = ()
        self._layer = 0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.chosen.connect(self._on_chosen)
        self.reached.connect(self._on_reached)

    def set_gates(self, figure: GateFigure, describe: Sequence[Describe]) -> None:
        """Show a figure of one side, or of before and after; each is described by its own function."""
        had_sides = len(self._sides)
        self._sides = (figure.before, figure.rows) if figure.before else (figure.rows,)
        self.show_cells(_cells(self._sides, figure.full, describe))
        if len(self._sides) != had_sides:
            self.move_to(self.row_of(self._layer), max(self.currentIndex().column(), self.first_column))

    def set_selected(self, selected: frozenset[tuple[int, int]], layer: int) -> None:
        """Outline the selected experts, and mark the layer looked at, where the cursor goes along its line."""
        self._layer, at = layer, self.currentIndex()
        if self._sides:
            self.move_to(self.row_of(layer, at.row() % len(self._sides)), at.column())
        self.select([*self._boxes_of(selected), *((self.row_of(layer, side), 0) for side in range(len(self._sides)))])

    def row_of(self, layer: int, side: int = -1) -> int:
        """The row of a layer: its last one, or that of another side."""
        return layer * len(self._sides) + side % len(self._sides)

    def _boxes_of(self, selected: frozenset[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        for side, rows in enumerate(self._sides):
            for layer, shown in enumerate(rows):
                for rank, expert in enumerate(shown.experts.tolist()):
                    if (layer, expert) in selected:
                        yield self.row_of(layer, side), rank + 1

    def _on_chosen(self, row: int, column: int, is_added: bool) -> None:
        layer, side = divmod(row, len(self._sides))
        if column == 0:
            self.layer_chosen.emit(layer)
        else:
            self.expert_chosen.emit(layer, int(self._sides[side][layer].experts[column - 1]), is_added)

    def _on_reached(self, row: int) -> None:
        if (layer := row // len(self._sides)) != self._layer:
            self.layer_chosen.emit(layer)

    def choose_at(self, place: QPoint) -> bool:
        """As for any table of bars; whether there is an expert, rather than the name of a layer."""
        return super().choose_at(place) and self.currentIndex().column() > 0

    def row_heights(self) -> tuple[int, int, int]:
        least = max(_TIGHTEST, self.fontMetrics().height()) + 2 * self.shown.cells.is_paired
        return least, max(_USUAL, least), _WIDEST


def _cells(sides: tuple[Side, ...], full: float, describe: Sequence[Describe]) -> BarCells:
    places = [(layer, side) for layer in range(len(sides[0])) for side in range(len(sides))]
    names = (", before", ", what-if") if len(sides) == 2 else ("",)

    def described(row: int, column: int) -> str:
        layer, side = places[row]
        return describe[side](layer, column - 1) if column else f"Look at layer {sides[0][layer].name}"

    ranks = range(1, max((len(row.experts) for row in sides[0]), default=0) + 1)
    return BarCells(
        (BarColumn("value", "layer", ("Layer",)), *(BarColumn("box", f"rank {n}", (f"#{n}",)) for n in ranks)),
        tuple(_row([rows[layer] for rows in sides], side, full) for layer, side in places),
        tuple(f"layer {sides[0][layer].name}{names[side]}" for layer, side in places),
        described,
        is_paired=len(sides) == 2,
    )


def _row(of_layer: Sequence[GateRow], side: int, full: float) -> tuple[BarCell, ...]:
    """The layer's number, once, and the experts of one side; those that are on that side only stand out."""
    on_both, shown = set(of_layer[0].experts.tolist()) & set(of_layer[-1].experts.tolist()), of_layer[side]
    shares = np.nan_to_num(shown.weights / (full or 1.0), posinf=0.0, neginf=0.0).tolist()
    boxes = []
    for expert, share in zip(shown.experts.tolist(), shares, strict=True):
        if expert in on_both:
            boxes.append(BarCell(str(expert), share, colour=QUANTITY))
        else:
            sign, colour = ("", BASELINE) if side == 0 else ("+", WHAT_IF)
            boxes.append(BarCell(f"{sign}{expert}", share, colour=colour, is_framed=True, is_struck=side == 0))
    return BarCell(shown.name if side == 0 else ""), *boxes
