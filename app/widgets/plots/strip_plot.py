"""Values as dots along one axis, equal ones stacked, and one of them marked: where it falls among the others."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from moe_core.figures.axis import Axis

_MARGIN, _RADIUS, _MARK = 20, 3.5, 7.0


class StripPlot(QWidget):
    """`unit` names the axis; 0 is drawn as a line."""

    def __init__(self, unit: str, others: str) -> None:
        """`others`: what the dots are, for the key."""
        super().__init__()
        self._unit, self._others = unit, others
        self._values: tuple[float, ...] = ()
        self._marked, self._mark_text = float("nan"), ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_values(self, values: Sequence[float], marked: float, mark_text: str) -> None:
        """Show other values; `marked` is the one that is written out, and among the dots it is not."""
        self._values = tuple(value for value in values if isfinite(value))
        self._marked, self._mark_text = marked, mark_text
        self.setAccessibleDescription(f"{mark_text}; {len(self._values)} {self._others}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 110)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 90)

    def paintEvent(self, event: QPaintEvent) -> None:
        known = [*self._values, *([self._marked] if isfinite(self._marked) else [])]
        if not known:
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high = min(*known, 0.0), max(*known, 0.0)
        more = max((high - low) * 0.06, 0.5)
        axis = Axis(low - more, high + more, _MARGIN, self.width() - _MARGIN)
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
        x = (self.width() - metrics.horizontalAdvance(self._unit)) / 2
        painter.drawText(QPointF(x, floor + 4 + metrics.height() + metrics.ascent()), self._unit)

    def _paint_dots(self, painter: QPainter, axis: Axis, floor: int) -> None:
        """Dots that would cover each other stand above each other, closer where there are too many."""
        columns = [round((axis(value) - axis.start) / (2 * _RADIUS)) for value in self._values]
        highest = max(Counter(columns).values(), default=1)
        step = min(2 * _RADIUS + 1, max(1.0, (floor - 24) / highest))
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 0.7))
        painter.setBrush(QColor(theme.REFERENCE))
        stacked: Counter[int] = Counter()
        for value, column in sorted(zip(self._values, columns, strict=True)):
            painter.drawEllipse(QPointF(axis(value), floor - _RADIUS - 2 - stacked[column] * step), _RADIUS, _RADIUS)
            stacked[column] += 1

    def _paint_mark(self, painter: QPainter, axis: Axis, floor: int) -> None:
        if not isfinite(self._marked):
            return
        x, metrics, colour = axis(self._marked), painter.fontMetrics(), QColor(theme.WHAT_IF)
        top = metrics.height() + 4
        painter.setPen(QPen(colour, 1.5))
        painter.drawLine(QPointF(x, top), QPointF(x, floor))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        y = floor - _MARK - 1
        diamond = [QPointF(x, y - _MARK), QPointF(x + _MARK, y), QPointF(x, y + _MARK), QPointF(x - _MARK, y)]
        painter.drawPolygon(QPolygonF(diamond))
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        wide = metrics.horizontalAdvance(self._mark_text)
        painter.drawText(
            QPointF(min(max(x - wide / 2, 2), self.width() - wide - 2), metrics.ascent() + 1), self._mark_text
        )
