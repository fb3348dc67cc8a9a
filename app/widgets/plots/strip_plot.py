"""Values as dots along one axis, equal ones stacked, and one of them marked: where it falls among the others."""

from collections import Counter
from math import isfinite

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from moe_core.figures.axis import Axis
from moe_core.figures.strip import StripFigure

_MARGIN, _RADIUS, _MARK = 20, 3.5, 7.0


class StripPlot(QWidget):
    """Draws a `StripFigure`."""

    def __init__(self) -> None:
        super().__init__()
        self._figure = StripFigure()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_figure(self, figure: StripFigure) -> None:
        """Show other values."""
        self._figure = figure
        self.setAccessibleDescription(f"{figure.mark_text}; {len(figure.known)} {figure.others}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 110)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 90)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._figure.known and not isfinite(self._figure.marked):
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        axis = Axis(*self._figure.ends, _MARGIN, self.width() - _MARGIN)
        floor = self.height() - 2 * metrics.height() - 8
        self._paint_axis(painter, axis, floor)
        self._paint_dots(painter, axis, floor)
        self._paint_mark(painter, axis, floor)

    def _paint_axis(self, painter: QPainter, axis: Axis, floor: int) -> None:
        palette, metrics = self.palette(), painter.fontMetrics()
        painter.setPen(QPen(QColor(theme.REFERENCE), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(axis(0), 4), QPointF(axis(0), floor))
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.drawLine(QPointF(axis.start, floor + 0.5), QPointF(axis.stop, floor + 0.5))
        for value, text in axis.ticks(56):
            painter.setPen(palette.color(QPalette.ColorRole.Mid))
            painter.drawLine(QPointF(axis(value), floor), QPointF(axis(value), floor + 4))
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            x = axis(value) - metrics.horizontalAdvance(text) / 2
            painter.drawText(QPointF(x, floor + 4 + metrics.ascent()), text.replace("-", "−"))
        x = (self.width() - metrics.horizontalAdvance(self._figure.unit)) / 2
        painter.drawText(QPointF(x, floor + 4 + metrics.height() + metrics.ascent()), self._figure.unit)

    def _paint_dots(self, painter: QPainter, axis: Axis, floor: int) -> None:
        """Dots that would cover each other stand above each other, closer where there are too many."""
        columns = [round((axis(value) - axis.start) / (2 * _RADIUS)) for value in self._figure.known]
        highest = max(Counter(columns).values(), default=1)
        step = min(2 * _RADIUS + 1, max(1.0, (floor - 24) / highest))
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 0.7))
        painter.setBrush(QColor(theme.REFERENCE))
        stacked: Counter[int] = Counter()
        for value, column in sorted(zip(self._figure.known, columns, strict=True)):
            painter.drawEllipse(QPointF(axis(value), floor - _RADIUS - 2 - stacked[column] * step), _RADIUS, _RADIUS)
            stacked[column] += 1

    def _paint_mark(self, painter: QPainter, axis: Axis, floor: int) -> None:
        if not isfinite(self._figure.marked):
            return
        x, metrics, colour = axis(self._figure.marked), painter.fontMetrics(), QColor(theme.WHAT_IF)
        top = metrics.height() + 4
        painter.setPen(QPen(colour, 1.5))
        painter.drawLine(QPointF(x, top), QPointF(x, floor))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        y = floor - _MARK - 1
        diamond = [QPointF(x, y - _MARK), QPointF(x + _MARK, y), QPointF(x, y + _MARK), QPointF(x - _MARK, y)]
        painter.drawPolygon(QPolygonF(diamond))
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        wide = metrics.horizontalAdvance(self._figure.mark_text)
        painter.drawText(
            QPointF(min(max(x - wide / 2, 2), self.width() - wide - 2), metrics.ascent() + 1), self._figure.mark_text
        )
