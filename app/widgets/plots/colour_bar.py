"""The colours of a scale with round values beside them; dragging either half moves that end of the range."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QMouseEvent, QPainter, QPaintEvent, QPalette, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import theme
from moe_core.figures.colour_maps import colour_table
from moe_core.figures.colour_scale import ColourScale

_BAR_WIDTH = 14.0
_TICK = 4.0
_END = 6.0
"""Height of the triangle that says that values go on beyond an end."""
_LEAST_TICK_GAP = 34


class ColourBar(QWidget):
    """`range_dragged` carries the new low and high end; `reset` asks for the whole range again (double click)."""

    range_dragged = Signal(float, float)
    reset = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._scale: ColourScale | None = None
        self._has_beyond = (False, False)
        self._format: Callable[[float], str] = str
        self._is_signed = False
        self._unit = ""
        self._pointer: float | None = None
        self.rows_beside: Callable[[], tuple[float, float]] | None = None
        self._drag: tuple[float, ColourScale, bool] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Colour bar")
        self.setToolTip("Which colour means which value: drag the upper or lower half to move that end of the range")

    def set_scale(
        self,
        scale: ColourScale,
        *,
        has_beyond: tuple[bool, bool] = (False, False),
        is_signed: bool = False,
        unit: str = "",
        format_value: Callable[[float], str] = str,
    ) -> None:
        """Show a scale; `has_beyond`: whether values lie below the low end, and above the high one."""
        self._unit = unit
        self._scale, self._has_beyond, self._is_signed, self._format = scale, has_beyond, is_signed, format_value
        self.updateGeometry()
        self.update()

    def set_pointer(self, value: float | None) -> None:
        """Mark where a value stands; None marks nothing."""
        if value != self._pointer:
            self._pointer = value
            self.update()

    def bar(self) -> QRectF:
        """Where the colours stand: beside the cells that they explain, where `rows_beside` says where those are."""
        top, bottom = self.rows_beside() if self.rows_beside else (0.0, float(self.height()))
        return QRectF(0, top + _END, _BAR_WIDTH, max(bottom - top - 2 * _END, 1.0))

    def place_of(self, value: float) -> float:
        """Height in the widget at which a value stands."""
        assert self._scale is not None
        bar = self.bar()
        return bar.bottom() - float(self._scale.places(np.array(value))) * bar.height()

    def _paint(self, painter: QPainter, scale: ColourScale) -> None:
        bar = self.bar()
        colours = np.ascontiguousarray(colour_table(scale.map_name)[::-1])  # the highest on top
        painter.drawImage(bar, QImage(colours.data, 1, len(colours), 3, QImage.Format.Format_RGB888))
        self._paint_ends(painter, bar, QColor(*colours[-1].tolist()), QColor(*colours[0].tolist()))
        self._paint_ticks(painter, bar, scale)
        if self._pointer is not None and np.isfinite(self._pointer):
            self._paint_pointer(painter, bar, self.place_of(self._pointer))

    def _paint_ends(self, painter: QPainter, bar: QRectF, lowest: QColor, highest: QColor) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        ends = ((bar.bottom(), _END, lowest), (bar.top(), -_END, highest))
        for is_beyond, (edge, way, colour) in zip(self._has_beyond, ends, strict=True):
            if is_beyond:
                painter.setBrush(colour)
                tip = QPointF(bar.center().x(), edge + way)
                painter.drawPolygon(QPolygonF([QPointF(bar.left(), edge), QPointF(bar.right(), edge), tip]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_ticks(self, painter: QPainter, bar: QRectF, scale: ColourScale) -> None:
        line = QFontMetricsF(self.font()).height()
        rule, text = (self.palette().color(role) for role in (QPalette.ColorRole.Dark, QPalette.ColorRole.Text))
        painter.setPen(text)
        above = QRectF(0, bar.top() - _END - line - 2, self.width(), line)
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft, self._unit)
        for value in self._ticks(scale):
            y = self.place_of(value)
            painter.fillRect(QRectF(bar.right(), y - 0.5, _TICK, 1), rule)
            painter.setPen(text)
            box = QRectF(bar.right() + _TICK + 3, y - line / 2, self.width(), line)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._format(value))

    def _paint_pointer(self, painter: QPainter, bar: QRectF, y: float) -> None:
        text, base = (self.palette().color(role) for role in (QPalette.ColorRole.Text, QPalette.ColorRole.Base))
        painter.fillRect(QRectF(bar.left(), y - 2, bar.width() + _TICK, 4), base)
        painter.fillRect(QRectF(bar.left(), y - 1, bar.width() + _TICK, 2), text)

    def _ticks(self, scale: ColourScale) -> list[float]:
        return scale.ticks(max(2, int(self.bar().height() // _LEAST_TICK_GAP)))

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(theme.tabular(self.font()))
        labels = [] if self._scale is None else [self._format(value) for value in self._ticks(self._scale)]
        widest = max([metrics.horizontalAdvance(label) for label in [*labels, "0.0000"]])
        return QSize(round(_BAR_WIDTH + _TICK + 5 + widest), 160)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width(), 80)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._scale is not None:
            painter = QPainter(self)
            painter.setFont(theme.tabular(self.font()))
            self._paint(painter, self._scale)
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._scale is None:
            super().mousePressEvent(event)
            return
        self._drag = (event.position().y(), self._scale, event.position().y() < self.bar().center().y())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        start, scale, is_upper = self._drag
        moved = (start - event.position().y()) / self.bar().height()  # share of the bar, upwards
        low, high = (scale.low, scale.value_at(1 + moved)) if is_upper else (scale.value_at(moved), scale.high)
        if self._is_signed:
            end = high if is_upper else -low
            low, high = -end, end
        if low < high:
            self.range_dragged.emit(low, high)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset.emit()
