"""Two proportions on one axis, each a dot with its interval: before, and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from moe_core.figures.axis import Axis

_MARGIN, _ROW, _LEAST_SPAN = 8, 24, 0.1


@dataclass(frozen=True)
class DotRow:
    """A proportion 0..1 with its bounds, named at the left and written out at the right."""

    name: str
    text: str
    value: float
    lower: float
    upper: float
    colour: str


class DeltaPlot(QWidget):
    """Draws the rows one below the other; the axis spans their intervals, in percent."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[DotRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[DotRow]) -> None:
        """Show other rows."""
        self._rows = tuple(rows)
        self.setAccessibleDescription("; ".join(f"{row.name} {row.text}" for row in rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, len(self._rows) * _ROW + self.fontMetrics().height() + 10)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        rows = [row for row in self._rows if isfinite(row.value)]
        if not rows:
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = max(metrics.horizontalAdvance(row.name) for row in self._rows)
        texts = max(metrics.horizontalAdvance(row.text) for row in self._rows)
        if self.width() < names + texts + 120:
            texts = 0  # the numbers stand above the plot too
        left, right = _MARGIN + names + 12, self.width() - _MARGIN - (texts + 16 if texts else 8)
        axis = self._axis(rows, left, right)
        self._paint_axis(painter, axis, len(self._rows) * _ROW)
        for at, row in enumerate(self._rows):
            self._paint_row(painter, axis, row, at * _ROW + _ROW // 2, bool(texts))

    def _axis(self, rows: list[DotRow], left: int, right: int) -> Axis:
        low, high = min(row.lower for row in rows), max(row.upper for row in rows)
        more = max(0.0, _LEAST_SPAN - (high - low)) / 2 + 0.01
        return Axis(max(0.0, low - more) * 100, min(1.0, high + more) * 100, left, max(right, left + 10))

    def _paint_axis(self, painter: QPainter, axis: Axis, bottom: int) -> None:
        palette, metrics = self.palette(), painter.fontMetrics()
        for value, text in axis.ticks(max(48, metrics.horizontalAdvance("100 %") + 16)):
            x = axis(value)
            painter.setPen(palette.color(QPalette.ColorRole.Midlight))
            painter.drawLine(QPointF(x, 2), QPointF(x, bottom))
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            label = f"{text} %"
            painter.drawText(QPointF(x - metrics.horizontalAdvance(label) / 2, bottom + metrics.ascent() + 2), label)

    def _paint_row(self, painter: QPainter, axis: Axis, row: DotRow, y: int, writes: bool) -> None:
        metrics, colour = painter.fontMetrics(), QColor(row.colour)
        line = y + (metrics.ascent() - metrics.descent()) / 2
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(QPointF(_MARGIN, line), row.name)
        if writes:
            painter.drawText(QPointF(self.width() - _MARGIN - metrics.horizontalAdvance(row.text), line), row.text)
        if isfinite(row.value):
            painter.setPen(QPen(colour, 2))
            painter.drawLine(QPointF(axis(row.lower * 100), y), QPointF(axis(row.upper * 100), y))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(axis(row.value * 100), y), 4.5, 4.5)
