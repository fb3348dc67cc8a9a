"""Draws what stands around curves: axes, grid, reference lines, shaded ranges, and the line that marks an x."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen

from app import theme
from app.widgets.plots.curve_drawing import quiet
from moe_core.figures.axis import Axis
from moe_core.figures.curves import CurveFigure

_TICK_GAP = 6.0


@dataclass(frozen=True)
class Frame:
    """Where the curves go: a rectangle inside the widget, and both axes."""

    area: QRectF
    x: Axis
    y: Axis

    def nearest(self, pixel: float, values: list[int]) -> int | None:
        """The x nearest to a pixel."""
        return min(values, key=lambda value: abs(self.x(value) - pixel), default=None)


def make_frame(room: QRectF, chart: CurveFigure, span: tuple[float, float], metrics: QFontMetricsF) -> Frame:
    """Axes inside `room`, leaving the space that their labels need."""
    line = metrics.height()
    top, bottom = room.top() + line + 4, room.bottom() - 2 * line - 6
    y = Axis(*span, bottom, top)
    widest = max(
        (metrics.horizontalAdvance(text) for _, text in y.ticks(tick_spacing(bottom - top, metrics))), default=0.0
    )
    area = QRectF(QPointF(room.left() + widest + _TICK_GAP, top), QPointF(room.right() - 6, max(bottom, top + 1)))
    values = chart.x_values or [0]
    return Frame(area, Axis(values[0] - 0.5, values[-1] + 0.5, area.left(), area.right()), y)


def tick_spacing(height: float, metrics: QFontMetricsF) -> float:
    """Pixels between two marks of the vertical axis: few marks suffice, however tall the plot is."""
    return max(1.8 * metrics.height(), height / 7)


def draw_axes(painter: QPainter, frame: Frame, chart: CurveFigure, palette: QPalette) -> None:
    """Hairline grid, tick labels and the names of both axes."""
    metrics, area = QFontMetricsF(painter.font()), frame.area
    text = palette.color(QPalette.ColorRole.PlaceholderText)
    for value, label in frame.y.ticks(tick_spacing(frame.area.height(), metrics)):
        painter.setPen(QPen(quiet(palette), 1.0))
        painter.drawLine(QPointF(area.left(), frame.y(value)), QPointF(area.right(), frame.y(value)))
        painter.setPen(text)
        box = QRectF(area.left() - _TICK_GAP - 200, frame.y(value) - 10, 200, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
    for value in _shown_x(frame, chart, metrics):
        painter.drawText(_x_label_box(frame, value, metrics), Qt.AlignmentFlag.AlignCenter, str(value))
    painter.drawText(QPointF(area.left(), area.top() - 5), chart.y_title)
    below = QRectF(area.left(), area.bottom() + metrics.height() + 4, area.width(), metrics.height() + 2)
    painter.drawText(below, Qt.AlignmentFlag.AlignCenter, chart.x_title)


def draw_ranges(painter: QPainter, frame: Frame, chart: CurveFigure, palette: QPalette) -> None:
    """Shaded ranges, with dotted edges so that they differ from the bands of curves."""
    for span in chart.ranges:
        top, bottom = frame.y(span.high), frame.y(span.low)
        fill = QColor(theme.REFERENCE)
        fill.setAlpha(34)
        painter.fillRect(QRectF(frame.area.left(), top, frame.area.width(), bottom - top), fill)
        painter.setPen(QPen(QColor(theme.REFERENCE), 1.0, Qt.PenStyle.DotLine))
        for edge in (top, bottom):
            painter.drawLine(QPointF(frame.area.left(), edge), QPointF(frame.area.right(), edge))


def draw_references(painter: QPainter, frame: Frame, chart: CurveFigure, palette: QPalette) -> None:
    """Dashed grey lines."""
    for line in chart.references:
        painter.setPen(QPen(QColor(theme.REFERENCE), 1.0, Qt.PenStyle.DashLine))
        painter.drawLine(
            QPointF(frame.area.left(), frame.y(line.value)), QPointF(frame.area.right(), frame.y(line.value))
        )


def draw_labels(painter: QPainter, frame: Frame, chart: CurveFigure, palette: QPalette) -> None:
    """Names of references (right) and ranges (left), over the curves, on a ground of their own."""
    metrics = QFontMetricsF(painter.font())
    for line in chart.references:
        is_above = frame.y(line.value) < frame.area.top()
        label = f"↑ {line.label}" if is_above else line.label
        left = frame.area.right() - metrics.horizontalAdvance(label) - 4
        _draw_label(painter, QPointF(left, max(frame.y(line.value), frame.area.top())), label, palette)
    for span in chart.ranges:
        _draw_label(
            painter, QPointF(frame.area.left() + 4, frame.y(span.high) + metrics.height() + 2), span.label, palette
        )


def draw_marked_x(
    painter: QPainter, frame: Frame, value: int, colour: QColor, palette: QPalette, *, filled: bool
) -> None:
    """A thin vertical line and the x in a pill on the axis; `filled` is the one that keys move."""
    area, metrics = frame.area, QFontMetricsF(painter.font())
    painter.setPen(QPen(colour, 1.0))
    painter.drawLine(QPointF(frame.x(value), area.top()), QPointF(frame.x(value), area.bottom() + 2))
    box = _x_label_box(frame, value, metrics)
    painter.setBrush(colour if filled else palette.color(QPalette.ColorRole.Base))
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(palette.color(QPalette.ColorRole.HighlightedText) if filled else colour)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(value))


def _draw_label(painter: QPainter, at: QPointF, text: str, palette: QPalette) -> None:
    """A text that stands on the line at `at`."""
    metrics = QFontMetricsF(painter.font())
    ground = palette.color(QPalette.ColorRole.Base)
    ground.setAlpha(190)
    width = metrics.horizontalAdvance(text)
    painter.fillRect(QRectF(at.x() - 2, at.y() - metrics.height() - 1, width + 4, metrics.height()), ground)
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawText(QPointF(at.x(), at.y() - metrics.descent() - 1), text)


def _x_label_box(frame: Frame, value: int, metrics: QFontMetricsF) -> QRectF:
    width = metrics.horizontalAdvance(str(value)) + 8
    return QRectF(frame.x(value) - width / 2, frame.area.bottom() + 2, width, metrics.height() + 1)


def _shown_x(frame: Frame, chart: CurveFigure, metrics: QFontMetricsF) -> list[int]:
    values = chart.x_values
    if not values:
        return []
    room = abs(frame.x(1) - frame.x(0))
    needed = metrics.horizontalAdvance(str(values[-1])) + 8
    step = next((step for step in (1, 2, 4, 5, 8, 10, 16, 20, 32, 50) if step * room >= needed), 100)
    return [value for value in values if value % step == 0]
