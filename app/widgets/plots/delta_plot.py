"""Two proportions on one axis, each a dot with its interval: before, and after."""

from math import isfinite

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from moe_core.figures.axis import Axis
from moe_core.figures.bars import BarFigure, BarRow

_MARGIN, _ROW = 8, 24


class DeltaPlot(QWidget):
    """Draws the rows of a `BarFigure` one below the other; its values are shares, its axis in percent."""

    def __init__(self) -> None:
        super().__init__()
        self._figure = BarFigure(())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_figure(self, figure: BarFigure) -> None:
        """Show other rows."""
        self._figure = figure
        self.setAccessibleDescription("; ".join(f"{row.label} {row.text}" for row in figure.rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, len(self._figure.rows) * _ROW + self.fontMetrics().height() + 10)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        if not any(isfinite(row.value) for row in self._figure.rows):
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = max(metrics.horizontalAdvance(row.label) for row in self._figure.rows)
        texts = max(metrics.horizontalAdvance(row.text) for row in self._figure.rows)
        if self.width() < names + texts + 120:
            texts = 0  # the numbers stand above the plot too
        left, right = _MARGIN + names + 12, self.width() - _MARGIN - (texts + 16 if texts else 8)
        axis = Axis(100 * self._figure.lowest, 100 * self._figure.largest, left, max(right, left + 10))
        self._paint_axis(painter, axis, len(self._figure.rows) * _ROW)
        for at, row in enumerate(self._figure.rows):
            self._paint_row(painter, axis, row, at * _ROW + _ROW // 2, bool(texts))

    def _paint_axis(self, painter: QPainter, axis: Axis, bottom: int) -> None:
        palette, metrics = self.palette(), painter.fontMetrics()
        for value, text in axis.ticks(max(48, metrics.horizontalAdvance("100 %") + 16)):
            x = axis(value)
            painter.setPen(palette.color(QPalette.ColorRole.Midlight))
            painter.drawLine(QPointF(x, 2), QPointF(x, bottom))
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            label = f"{text} %"
            painter.drawText(QPointF(x - metrics.horizontalAdvance(label) / 2, bottom + metrics.ascent() + 2), label)

    def _paint_row(self, painter: QPainter, axis: Axis, row: BarRow, y: int, writes: bool) -> None:
        metrics, colour = painter.fontMetrics(), QColor(row.colour)
        line = y + (metrics.ascent() - metrics.descent()) / 2
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(QPointF(_MARGIN, line), row.label)
        if writes:
            painter.drawText(QPointF(self.width() - _MARGIN - metrics.horizontalAdvance(row.text), line), row.text)
        if isfinite(row.value):
            painter.setPen(QPen(colour, 2))
            painter.drawLine(QPointF(axis(row.lower * 100), y), QPointF(axis(row.upper * 100), y))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(axis(row.value * 100), y), 4.5, 4.5)
