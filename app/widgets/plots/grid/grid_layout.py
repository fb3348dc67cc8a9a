"""Where the parts of a heat map stand in its widget, and which part is at a point.

Axes: L layers (rows), E experts (columns).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF

Cell = tuple[int, int]
"""Layer and expert, counted from 0."""


class Place(NamedTuple):
    """A cell; a whole layer where `expert` is None; an expert of every layer where `layer` is None."""

    layer: int | None
    expert: int | None

    @property
    def cell(self) -> Cell | None:
        return None if self.layer is None or self.expert is None else (self.layer, self.expert)


@dataclass(frozen=True, eq=False)
class GridLayout:
    """Rectangles of the parts. `columns` [E + 1] and `rows` [L + 1] are the edges of all cells, on whole pixels of the
    screen; those beyond `area` are out of sight while the grid is zoomed.
    """

    area: QRectF
    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    row_heads: QRectF
    column_heads: QRectF
    row_bars: QRectF
    column_bars: QRectF

    @property
    def cell_size(self) -> QSizeF:
        steps = [(edges[-1] - edges[0]) / (len(edges) - 1) for edges in (self.columns, self.rows)]
        return QSizeF(*steps)

    def cell_rectangle(self, layer: int, expert: int) -> QRectF:
        """Where a cell stands."""
        left, top = self.columns[expert], self.rows[layer]
        return QRectF(left, top, self.columns[expert + 1] - left, self.rows[layer + 1] - top)

    def place_at(self, point: QPointF) -> Place | None:
        """The cell at a point, the layer whose head or bar is there, or the expert; None beside all of them."""
        is_beside = self.area.top() <= point.y() < self.area.bottom()
        is_above = self.area.left() <= point.x() < self.area.right()
        nearest = self.nearest(point, Place(0, 0))
        if is_beside and is_above:
            return nearest
        if is_beside and (point.x() < self.area.left() or self.row_bars.contains(point)):
            return Place(nearest.layer, None)
        if is_above and (point.y() < self.area.top() or self.column_bars.contains(point)):
            return Place(None, nearest.expert)
        return None

    def nearest(self, point: QPointF, like: Place) -> Place:
        """The place in sight nearest to a point among those of one kind: cells, layers or experts."""
        layer = _interval(self.rows, min(max(point.y(), self.area.top()), self.area.bottom() - 1))
        expert = _interval(self.columns, min(max(point.x(), self.area.left()), self.area.right() - 1))
        return Place(None if like.layer is None else layer, None if like.expert is None else expert)


def _interval(edges: NDArray[np.float64], place: float) -> int:
    return int(np.clip(np.searchsorted(edges, place, "right") - 1, 0, len(edges) - 2))
