"""A chart of points with intervals: reads one out on hover, and lets one be chosen by click or arrow keys."""

from math import hypot, isfinite

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from app import theme
from app.widgets.plots.curve_drawing import draw_markers, quiet
from moe_core.figures.axis import Axis
from moe_core.figures.points import PointFigure, PointPlace, PointSeries

_MARGIN, _GAP = 8.0, 6.0
_APART = 5.0
"""Pixels between the bars of two series at one x, so that none hides another."""
_REACH = 14.0
_SAMPLE = 26.0
_TICK_SPACING_X, _TICK_SPACING_Y = 70.0, 26.0
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class IntervalPlot(QWidget):
    """Draws an `PointFigure`. `point_chosen` carries series and point that a click or an arrow key asks for."""

    point_chosen = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._chart = PointFigure()
        self._selected: PointPlace | None = None
        self._hovered: PointPlace | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def chart(self) -> PointFigure:
        """What is drawn."""
        return self._chart

    @property
    def selected(self) -> PointPlace | None:
        """The point that is marked."""
        return self._selected

    @property
    def readout(self) -> str:
        """What is said of the point under the mouse, else of the chosen one."""
        place = self._hovered if self._hovered is not None else self._selected
        return "" if place is None else self._chart.series[place[0]].texts[place[1]]

    def show_chart(self, chart: PointFigure, selected: PointPlace | None = None) -> None:
        """Draw another chart, one of its points marked."""
        self._chart, self._selected, self._hovered = chart, selected, None
        self.update()

    def place_of(self, place: PointPlace) -> QPointF:
        """Where a point is drawn, in pixels of the widget."""
        x, y = self._axes()
        series = self._chart.series[place[0]]
        return QPointF(x(series.x[place[1]]) + self._shift(place[0]), y(series.values[place[1]]))

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(theme.tabular(self.font()))

    def _legend_rows(self) -> list[list[tuple[int, float, float]]]:
        """Series, left end and width of each entry, in as many rows as they need."""
        metrics, rows, left = self._metrics(), [[]], _MARGIN  # type: ignore[var-annotated]  # filled below
        for at, series in enumerate(self._chart.series):
            width = _SAMPLE + _GAP + metrics.horizontalAdvance(series.name)
            if rows[-1] and left + width > self.width() - _MARGIN:
                rows.append([])
                left = _MARGIN
            rows[-1].append((at, left, width))
            left += width + 3 * _GAP
        return rows

    def _area(self) -> QRectF:
        """Where points are drawn."""
        metrics = self._metrics()
        line = metrics.height()
        top = _MARGIN + line * (2 + len(self._legend_rows())) + _GAP
        left = _MARGIN + metrics.horizontalAdvance("-100.0") + _GAP
        bottom = _MARGIN + line * (2 if self._chart.x_title else 1) + _GAP
        return QRectF(left, top, max(1.0, self.width() - left - 2 * _MARGIN), max(1.0, self.height() - top - bottom))

    def _axes(self) -> tuple[Axis, Axis]:
        area = self._area()
        return (
            Axis(*self._chart.x_range(), area.left(), area.right()),
            Axis(*self._chart.y_range(), area.bottom(), area.top()),
        )

    def _shift(self, series: int) -> float:
        return 0.0 if self._chart.names else (series - (len(self._chart.series) - 1) / 2) * _APART

    def _nearest(self, at: QPointF) -> PointPlace | None:
        best, found = _REACH, None
        for number, series in enumerate(self._chart.series):
            for point, value in enumerate(series.values):
                if isfinite(value):
                    there = self.place_of((number, point)) - at
                    if (distance := hypot(there.x(), there.y())) < best:
                        best, found = distance, (number, point)
        return found

    def _draw_grid(self, painter: QPainter, x: Axis, y: Axis, area: QRectF) -> None:
        palette, line = self.palette(), self._metrics().height()
        text, faint = (palette.color(role) for role in (QPalette.ColorRole.Text, QPalette.ColorRole.PlaceholderText))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value, label in y.ticks(_TICK_SPACING_Y):
            painter.setPen(quiet(palette))
            painter.drawLine(QPointF(area.left(), y(value)), QPointF(area.right(), y(value)))
            painter.setPen(text)
            painter.drawText(QRectF(0, y(value) - line / 2, area.left() - _GAP, line), right, label)
        self._draw_x_labels(painter, x, area)
        painter.setPen(faint)
        below = QRectF(area.left(), area.bottom() + _GAP + line, area.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._chart.x_title)
        above = QRectF(_MARGIN, area.top() - line - 2, self.width(), line)
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft, self._chart.y_title)

    def _draw_x_labels(self, painter: QPainter, x: Axis, area: QRectF) -> None:
        metrics, names = self._metrics(), self._chart.names
        ticks = list(enumerate(names)) if names else x.ticks(_TICK_SPACING_X)
        room = area.width() / max(len(names), 1) - _GAP if names else _TICK_SPACING_X
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        for value, label in ticks:
            box = QRectF(x(value) - room / 2, area.bottom() + _GAP, room, metrics.height())
            label = metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, label)

    def _draw_reference(self, painter: QPainter, y: Axis, area: QRectF) -> None:
        if (reference := self._chart.reference) is None:
            return
        pen = QPen(QColor(theme.REFERENCE), 1.2)
        pen.setDashPattern([5, 3])
        painter.setPen(pen)
        at = y(reference.value)
        painter.drawLine(QPointF(area.left(), at), QPointF(area.right(), at))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        line = self._metrics().height()
        painter.drawText(
            QRectF(area.left(), at - line - 1, area.width(), line), Qt.AlignmentFlag.AlignRight, reference.label
        )

    def _draw_series(self, painter: QPainter, number: int, y: Axis) -> None:
        series, base = self._chart.series[number], self.palette().color(QPalette.ColorRole.Base)
        colour = QColor(series.colour)
        known = [point for point, value in enumerate(series.values) if isfinite(value)]
        points = [self.place_of((number, point)) for point in known]
        if series.is_band and not self._chart.names:
            _draw_band(painter, series, known, points, y, colour)
        painter.setPen(_pen(colour, series))
        if not self._chart.names:
            painter.drawPolyline(points)
        painter.setPen(QPen(colour, 1.6))
        for point, place in zip(known, points, strict=True):
            if isfinite(series.lower[point]) and not (series.is_band and len(points) > 1):
                painter.drawLine(QPointF(place.x(), y(series.lower[point])), QPointF(place.x(), y(series.upper[point])))
        draw_markers(painter, points, series.style.marker, colour, base)

    def _draw_legend(self, painter: QPainter) -> None:
        line = self._metrics().height()
        text, base = self.palette().color(QPalette.ColorRole.Text), self.palette().color(QPalette.ColorRole.Base)
        for row, entries in enumerate(self._legend_rows()):
            middle = _MARGIN + line * (row + 0.5)
            for at, left, width in entries:
                series = self._chart.series[at]
                painter.setPen(_pen(QColor(series.colour), series))
                painter.drawLine(QPointF(left, middle), QPointF(left + _SAMPLE - 4, middle))
                centre = QPointF(left + _SAMPLE / 2 - 2, middle)
                draw_markers(painter, [centre], series.style.marker, QColor(series.colour), base)
                painter.setPen(text)
                box = QRectF(left + _SAMPLE + 2, middle - line / 2, width, line)
                painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, series.name)

    def _draw_chosen(self, painter: QPainter) -> None:
        for place, role in (
            (self._hovered, QPalette.ColorRole.PlaceholderText),
            (self._selected, QPalette.ColorRole.Highlight),
        ):
            if place is not None:
                painter.setPen(QPen(self.palette().color(role), 2.0))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(self.place_of(place), 7.5, 7.5)

    def _draw_readout(self, painter: QPainter, area: QRectF) -> None:
        metrics = self._metrics()
        top = area.top() - 2 * metrics.height() - 4
        box = QRectF(_MARGIN, top, self.width() - 2 * _MARGIN, metrics.height())
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        text = metrics.elidedText(self.readout, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.tabular(self.font()))
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if not self._chart.series:
            return
        area = self._area()
        x, y = self._axes()
        self._draw_grid(painter, x, y, area)
        self._draw_reference(painter, y, area)
        bands_first = sorted(range(len(self._chart.series)), key=lambda at: not self._chart.series[at].is_band)
        for number in bands_first:
            self._draw_series(painter, number, y)
        self._draw_chosen(painter)
        self._draw_legend(painter)
        self._draw_readout(painter, area)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hovered = self._nearest(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.ArrowCursor if hovered is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
        elif (place := self._nearest(event.position())) is not None:
            self.point_chosen.emit(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None or not self._chart.series:
            super().keyPressEvent(event)
            return
        place = (0, 0) if self._selected is None else self._chart.step(self._selected, *step)
        if place != self._selected:
            self.point_chosen.emit(*place)

    def leaveEvent(self, event: object) -> None:
        self._hovered = None
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(640, 300)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 180)


def _pen(colour: QColor, series: PointSeries) -> QPen:
    pen = QPen(colour, series.style.width)
    if series.style.dash:
        pen.setDashPattern(list(series.style.dash))
    return pen


def _draw_band(
    painter: QPainter,
    series: PointSeries,
    known: list[int],
    points: list[QPointF],
    y: Axis,
    colour: QColor,
) -> None:
    fill = QColor(colour)
    fill.setAlpha(50)
    upper = [QPointF(place.x(), y(series.upper[point])) for point, place in zip(known, points, strict=True)]
    lower = [QPointF(place.x(), y(series.lower[point])) for point, place in zip(known, points, strict=True)]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
    painter.setBrush(Qt.BrushStyle.NoBrush)
