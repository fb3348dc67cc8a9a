"""A chart of points with intervals: reads one out on hover, and lets one be chosen by click or arrow keys."""

from math import hypot, isfinite

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPalette

from app.widgets.fields.choosing_keys import STEPS
from app.widgets.plots.legend import Entry
from app.widgets.plots.series_plot import SeriesPlot
from moe_core.figures.points import PointFigure, PointPlace

_APART = 5.0
"""Pixels between the bars of two series at one x, so that none hides another."""
_REACH, _RING = 14.0, 15.0


class IntervalPlot(SeriesPlot):
    """Draws a `PointFigure`, `chart`, with one point marked, `selected`.

    `point_chosen` carries series and point that a click or an arrow key asks for.
    """

    point_chosen = Signal(int, int)
    wanted_size, least_size = QSize(640, 300), QSize(260, 180)

    def __init__(self) -> None:
        super().__init__(x_is_whole=False)
        self.chart = PointFigure()
        self.selected: PointPlace | None = None
        self._hovered: PointPlace | None = None
        self._rings = pyqtgraph.ScatterPlotItem(size=_RING, brush=None)
        self._rings.setZValue(6)
        self.view.addItem(self._rings, ignoreBounds=True)

    @property
    def readout(self) -> str:
        """What is said of the point under the mouse, else of the chosen one."""
        place = self._hovered if self._hovered is not None else self.selected
        return "" if place is None else self.chart.series[place[0]].texts[place[1]]

    def show_chart(self, chart: PointFigure, selected: PointPlace | None = None) -> None:
        """Draw another chart, one of its points marked. A zoom stays while the axes do."""
        was, self.chart, self.selected, self._hovered = self.chart, chart, selected, None
        self.keep(len(chart.series))
        self.set_lines(() if chart.reference is None else (chart.reference,))
        for drawn, series in zip(self.series, chart.series, strict=True):
            arrays = (np.array(each, np.float64) for each in (series.x, series.values, series.lower, series.upper))
            drawn.set_data(*arrays, as_bars=not series.is_band or bool(chart.names))
        self.legend.set_entries(
            [Entry(series.name, drawn.draw_sample) for series, drawn in zip(chart.series, self.series, strict=True)]
        )
        self.foot.set_title(chart.x_title)
        self.foot.set_names(chart.names)
        self.dress()
        self.arrange()
        (left, right), (low, high) = chart.x_range(), chart.y_range()
        self.set_whole(QRectF(left, low, right - left, high - low), keeps_zoom=was == chart)
        self.follow_range()

    def place_of(self, place: PointPlace) -> QPointF:
        """Where a point is drawn, in pixels of the widget."""
        series, point = self.chart.series[place[0]], place[1]
        at = self.widget_point(QPointF(series.x[point], series.values[point]))
        return at + QPointF(self._shift(place[0]), 0)

    def dress(self) -> None:
        for drawn, series in zip(self.series, self.chart.series, strict=True):
            drawn.dress(QColor(series.colour), self.colour(QPalette.ColorRole.Base), series.style)
            drawn.line.setVisible(not self.chart.names)
        self._mark()

    def follow_range(self) -> None:
        """Keep series apart by as many pixels, however large they are drawn."""
        super().follow_range()
        (left, right), _ = self.view.viewRange()
        for number, drawn in enumerate(self.series):
            for item in drawn.items:
                item.setPos(self._shift(number) * (right - left) / max(self.view.width(), 1.0), 0)
        self._mark()

    def _shift(self, series: int) -> float:
        return 0.0 if self.chart.names else (series - (len(self.chart.series) - 1) / 2) * _APART

    def _nearest(self, place: QPointF) -> PointPlace | None:
        ways = {
            (number, point): self.place_of((number, point)) - place
            for number, series in enumerate(self.chart.series)
            for point, value in enumerate(series.values)
            if isfinite(value)
        }
        lengths = {there: hypot(way.x(), way.y()) for there, way in ways.items()}
        return min((there for there in lengths if lengths[there] < _REACH), key=lengths.__getitem__, default=None)

    def _mark(self) -> None:
        """Rings around the point under the mouse and the chosen one; the readout says what is there."""
        marked = (self._hovered, QPalette.ColorRole.PlaceholderText), (self.selected, QPalette.ColorRole.Highlight)
        pens = [pyqtgraph.mkPen(self.colour(role), width=2) for place, role in marked if place is not None]
        points = [self.view_point(self.place_of(place)) for place, _ in marked if place is not None]
        self._rings.setData([point.x() for point in points], [point.y() for point in points], pen=pens)
        title = self.chart.y_title, QPalette.ColorRole.PlaceholderText
        self.texts = (self.readout, QPalette.ColorRole.Text), title
        self.setAccessibleDescription(self.readout)
        self.viewport().update()

    def hover(self, place: QPointF | None) -> None:
        hovered = None if place is None else self._nearest(place)
        if hovered != self._hovered:
            self._hovered = hovered
            shape = Qt.CursorShape.ArrowCursor if hovered is None else Qt.CursorShape.PointingHandCursor
            self.viewport().setCursor(shape)
            self._mark()

    def click(self, place: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if (chosen := self._nearest(place)) is not None:
            self.point_chosen.emit(*chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = STEPS.get(Qt.Key(event.key()))
        if step is None or not self.chart.series:
            super().keyPressEvent(event)
            return
        place = (0, 0) if self.selected is None else self.chart.step(self.selected, *step)
        if place != self.selected:
            self.point_chosen.emit(*place)
