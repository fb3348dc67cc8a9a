"""Where the parts of a heat map stand in its rectangle, and which part is at a point.

Axes: L layers (rows), E experts (columns).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF

Cell = tuple[int, int]
"""Layer and expert, counted from 0."""

_GAP = 6.0
_BAR_STRIP = 40.0
_LEAST_WITH_BARS = QSizeF(300, 180)
_LABEL_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Place(NamedTuple):
    """A cell; a whole layer where `expert` is None; an expert of every layer where `layer` is None."""

    layer: int | None
    expert: int | None

    @property
    def cell(self) -> Cell | None:
        """The cell, where it is one."""
        return None if self.layer is None or self.expert is None else (self.layer, self.expert)


@dataclass(frozen=True)
class TextSizes:
    """What the layout needs of the font, in pixels."""

    line: float
    row_head: float
    column_head: float


@dataclass(frozen=True)
class GridLayout:
    """Rectangles of the parts; `columns` [E + 1] and `rows` [L + 1] are the edges of the cells."""

    cells: QRectF
    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    text: TextSizes
    row_bars: QRectF
    column_bars: QRectF

    @property
    def n_layers(self) -> int:
        """Number of rows."""
        return len(self.rows) - 1

    @property
    def n_experts(self) -> int:
        """Number of columns."""
        return len(self.columns) - 1

    @property
    def cell_size(self) -> QSizeF:
        """Mean size of a cell."""
        return QSizeF(self.cells.width() / self.n_experts, self.cells.height() / self.n_layers)

    @property
    def row_label_step(self) -> int:
        """Every how many-th layer is labelled."""
        return _step(self.cell_size.height(), self.text.line * 0.92)

    @property
    def column_label_step(self) -> int:
        """Every how many-th expert is labelled."""
        return _step(self.cell_size.width(), self.text.column_head + 6)

    def cell_rectangle(self, layer: int, expert: int) -> QRectF:
        """Where a cell stands."""
        left, top = self.columns[expert], self.rows[layer]
        return QRectF(left, top, self.columns[expert + 1] - left, self.rows[layer + 1] - top)

    def row_head(self, layer: int) -> QRectF:
        """Where a layer's label stands."""
        top, bottom = self.rows[layer], self.rows[layer + 1]
        return QRectF(self.cells.left() - self.text.row_head, top, self.text.row_head, bottom - top)

    def column_head(self, expert: int) -> QRectF:
        """Where an expert's label stands."""
        left, right = self.columns[expert], self.columns[expert + 1]
        return QRectF(left, self.cells.top() - self.text.line - 2, right - left, self.text.line)

    def place_at(self, point: QPointF) -> Place | None:
        """The cell at a point, the layer whose head or bar is there, or the expert; None beside all of them."""
        layer = _interval(self.rows, point.y())
        expert = _interval(self.columns, point.x())
        if layer is not None and expert is not None:
            return Place(layer, expert)
        is_head = point.y() < self.cells.top() or point.x() < self.cells.left()
        is_bar = self.row_bars.contains(point) or self.column_bars.contains(point)
        return Place(layer, expert) if (is_head or is_bar) and (layer, expert) != (None, None) else None

    def nearest(self, point: QPointF, like: Place) -> Place:
        """The place nearest to a point among those of one kind: cells, layers or experts."""
        layer = np.clip(np.searchsorted(self.rows, point.y(), "right") - 1, 0, self.n_layers - 1)
        expert = np.clip(np.searchsorted(self.columns, point.x(), "right") - 1, 0, self.n_experts - 1)
        return Place(None if like.layer is None else int(layer), None if like.expert is None else int(expert))


def lay_out(size: QSizeF, L: int, E: int, text: TextSizes, pixel_ratio: float) -> GridLayout:
    """Heads above and left, bars of the marginals below and right, a line for the legend; cells fill the rest.

    Edges of cells fall on pixels of the screen, so that none is blurred.
    """
    has_bars = size.width() >= _LEAST_WITH_BARS.width() and size.height() >= _LEAST_WITH_BARS.height()
    strip = _BAR_STRIP + _GAP if has_bars else 0.0
    left, top = text.row_head + 4, 2 * text.line + 4
    right = max(size.width() - strip - 2, left + E)
    bottom = max(size.height() - strip - text.line - _GAP, top + L)
    columns, rows = _edges(left, right, E, pixel_ratio), _edges(top, bottom, L, pixel_ratio)
    cells = QRectF(columns[0], rows[0], columns[-1] - columns[0], rows[-1] - rows[0])
    bars_right = QRectF(cells.right() + _GAP, cells.top(), _BAR_STRIP, cells.height()) if has_bars else QRectF()
    bars_below = QRectF(cells.left(), cells.bottom() + _GAP, cells.width(), _BAR_STRIP) if has_bars else QRectF()
    return GridLayout(cells, columns, rows, text, bars_right, bars_below)


def _edges(start: float, stop: float, n: int, pixel_ratio: float) -> NDArray[np.float64]:
    return np.rint(np.linspace(start, stop, n + 1) * pixel_ratio) / pixel_ratio


def _interval(edges: NDArray[np.float64], place: float) -> int | None:
    found = int(np.searchsorted(edges, place, "right")) - 1
    return found if 0 <= found < len(edges) - 1 else None


def _step(cell: float, needed: float) -> int:
    return next((step for step in _LABEL_STEPS if step * cell >= needed), _LABEL_STEPS[-1])
