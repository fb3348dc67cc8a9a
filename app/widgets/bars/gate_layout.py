"""Where a gate chart's cells stand: a row for each layer, one line in it for each side, a cell for each rank."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontMetrics

MARGIN = 8
TIGHTEST, USUAL, WIDEST = 15, 18, 26
"""Height of a line in pixels: the least that can be read, the one asked for, the most it grows to."""

_LAYER_GAP = 4.0
"""Pixels between layers of two lines."""


@dataclass(frozen=True)
class GateTextSizes:
    """What the font needs: the column of layer numbers, a line of words, a line of cells."""

    label_width: float
    head_height: float
    tightest: float


def text_sizes(metrics: QFontMetrics) -> GateTextSizes:
    """The sizes in a font."""
    return GateTextSizes(
        metrics.horizontalAdvance("Layer") + 8.0, metrics.height() + 2.0, max(TIGHTEST, metrics.height())
    )


@dataclass(frozen=True)
class GateLayout:
    """The places of a chart of `n_layers`, with `n_lines` (one, or before and after) of `n_ranks` cells each."""

    width: float
    height: float
    shape: tuple[int, int, int]
    text: GateTextSizes

    @property
    def n_layers(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def n_lines(self) -> int:
        """Lines of a layer."""
        return self.shape[1]

    @property
    def is_paired(self) -> bool:
        """Whether both sides of a what-if are shown."""
        return self.n_lines == 2

    @property
    def line_height(self) -> float:
        """Height of a line."""
        n_lines = max(self.n_layers * self.n_lines, 1)
        room = (self.height - self._words_height - MARGIN - self._gap * self.n_layers) / n_lines
        return min(max(room, self.text.tightest), WIDEST)

    def height_with(self, line_height: float) -> int:
        """The height that the chart needs with lines so high."""
        rows = self.n_layers * (self.n_lines * line_height + self._gap)
        return round(self._words_height + rows + MARGIN)

    def row_top(self, layer: int) -> float:
        """Where the row of a layer begins, or, after the last one, the foot."""
        return self.text.head_height + layer * self._row_step

    def row(self, layer: int) -> QRectF:
        """The row of a layer, from edge to edge."""
        return QRectF(0, self.row_top(layer) - 1, self.width, self.line_height * self.n_lines)

    def label(self, layer: int) -> QRectF:
        """Where the number of a layer is drawn."""
        return QRectF(MARGIN, self.row_top(layer), self.text.label_width - 4, self.line_height * self.n_lines - 2)

    def cell(self, layer: int, rank: int, line: int = -1) -> QRectF:
        """Where a cell is drawn; on the last line of its layer, or on another one."""
        left = MARGIN + self.text.label_width
        width = (self.width - left - MARGIN) / max(self.shape[2], 1)
        top = self.row_top(layer) + line % self.n_lines * self.line_height
        return QRectF(left + rank * width, top, width - 2, self.line_height - 2)

    def hit(self, place: QPointF) -> tuple[int, int, int | None] | None:
        """Layer, line and rank at a place; rank None at a layer's number; None elsewhere."""
        layer = int((place.y() - self.text.head_height) // self._row_step)
        if place.y() < self.text.head_height or layer >= self.n_layers:
            return None
        line = min(int((place.y() - self.row_top(layer)) // self.line_height), self.n_lines - 1)
        if place.x() < self.cell(layer, 0).left():
            return layer, line, None
        ranks = range(self.shape[2])
        return next(((layer, line, rank) for rank in ranks if place.x() < self.cell(layer, rank).right() + 2), None)

    @property
    def _row_step(self) -> float:
        return self.line_height * self.n_lines + self._gap

    @property
    def _gap(self) -> float:
        return _LAYER_GAP if self.is_paired else 0.0

    @property
    def _words_height(self) -> float:
        """The head, and a foot that has one more line where there are two sides."""
        return (3 if self.is_paired else 2) * self.text.head_height
