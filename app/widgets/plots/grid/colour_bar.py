"""The colours of a heat map's scale with round values beside them; dragging either half moves that end of the range.

Painted: pyqtgraph's ColorBarItem knows neither logarithmic scales nor ends that values lie beyond.
"""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPalette, QPolygonF

from app.widgets.parts import LEFT
from moe_core.figures.colour.colour_maps import colour_table
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure

_WIDTH, _TICK, _GAP = 14.0, 4.0, 3.0
_END = 6.0
"""Height of the triangle that says that values go on beyond an end."""
_LEAST_TICK_GAP, _MOST_TICKS = 34, 12


class ColourBar:
    """A part of a plot: `figure` says what colours mean, `room` where it may stand, its ends level with the rows."""

    def __init__(self) -> None:
        self.figure: HeatMapFigure | None = None
        self.room = QRectF()
        self._drag: tuple[float, ColourScale, bool] | None = None

    @property
    def bar(self) -> QRectF:
        return QRectF(self.room.left(), self.room.top() + _END, _WIDTH, max(self.room.height() - 2 * _END, 1.0))

    def width(self, font: QFont) -> float:
        """How broad the room must be for colours and labels."""
        figure, advance = self.figure, QFontMetricsF(font).horizontalAdvance
        # A low bar has other ticks than a high one, and maybe longer ones.
        ticks = {tick for most in (2, _MOST_TICKS) for tick in figure.scale.ticks(most)} if figure else set()
        labels = [figure.format_value(value) for value in ticks] if figure else []
        return _WIDTH + _TICK + _GAP + max(map(advance, [*labels, "0.0000"]))

    def place_of(self, value: float) -> float:
        """Height in the plot at which a value stands."""
        assert self.figure is not None
        return self.bar.bottom() - float(self.figure.scale.places(np.array(value))) * self.bar.height()

    def draw(self, painter: QPainter, palette: QPalette, pointer: float | None) -> None:
        if (figure := self.figure) is None:
            return
        bar = self.bar
        colours = np.ascontiguousarray(colour_table(figure.scale.map_name)[::-1])  # the highest on top
        painter.drawImage(bar, QImage(colours.data, 1, len(colours), 3, QImage.Format.Format_RGB888))
        if np.nanmin(figure.values, initial=np.inf) < figure.scale.low:
            _draw_end(painter, bar.bottomLeft(), _END, QColor(*colours[-1].tolist()))
        if np.nanmax(figure.values, initial=-np.inf) > figure.scale.high:
            _draw_end(painter, bar.topLeft(), -_END, QColor(*colours[0].tolist()))
        self._draw_ticks(painter, palette, figure)
        if pointer is not None and np.isfinite(pointer):
            mark = QRectF(bar.left(), self.place_of(pointer) - 1, _WIDTH + _TICK, 2)
            painter.fillRect(mark.adjusted(0, -1, 0, 1), palette.color(QPalette.ColorRole.Base))
            painter.fillRect(mark, palette.color(QPalette.ColorRole.Text))

    def _draw_ticks(self, painter: QPainter, palette: QPalette, figure: HeatMapFigure) -> None:
        bar, line, left = self.bar, painter.fontMetrics().height(), self.bar.right() + _TICK + _GAP
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        above = QRectF(bar.left(), self.room.top() - line - 2, self.room.width(), line)
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft, figure.value_unit)
        for value in figure.scale.ticks(max(2, int(bar.height() // _LEAST_TICK_GAP))):
            y = self.place_of(value)
            painter.fillRect(QRectF(bar.right(), y - 0.5, _TICK, 1), palette.color(QPalette.ColorRole.Dark))
            box = QRectF(left, y - line / 2, self.room.right() - left, line)
            flags = LEFT | Qt.TextFlag.TextDontClip
            painter.drawText(box, flags, figure.format_value(value))

    def press(self, place: QPointF) -> bool:
        """Whether the button that went down there begins to drag an end: the nearer one."""
        if self.figure is None or not self.room.contains(place):
            return False
        self._drag = (place.y(), self.figure.scale, place.y() < self.bar.center().y())
        return True

    def drag(self, place: QPointF) -> tuple[float, float] | None:
        """The ends that are asked for now that the mouse is there; None while none is dragged, or where they cross."""
        if self._drag is None or self.figure is None:
            return None
        start, scale, is_upper = self._drag
        moved = (start - place.y()) / self.bar.height()  # share of the bar, upwards
        low, high = (scale.low, scale.value_at(1 + moved)) if is_upper else (scale.value_at(moved), scale.high)
        if self.figure.is_signed:
            end = high if is_upper else -low
            low, high = -end, end
        return (low, high) if low < high else None

    def release(self) -> None:
        self._drag = None


def _draw_end(painter: QPainter, corner: QPointF, height: float, colour: QColor) -> None:
    """A triangle on the left corner of an end, upwards where the height is negative."""
    tip = corner + QPointF(_WIDTH / 2, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([corner, corner + QPointF(_WIDTH, 0), tip]))
    painter.restore()
