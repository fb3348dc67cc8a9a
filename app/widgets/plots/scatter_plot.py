"""Points in two dimensions, in groups; what a point is, is told on hover and written beside it where points are few."""

from collections.abc import Iterator

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPalette

from app.widgets.plots.axis_plot import AxisPlot
from moe_core.figures.scatter import ScatterFigure

_SYMBOLS = {"dot": ("o", 4.0), "circle": ("o", 7.0), "diamond": ("d", 12.0)}
_REACH = 8.0
"""Pixels from the mouse within which a point is the one pointed at."""


class ScatterPlot(AxisPlot):
    """Draws a `ScatterFigure`."""

    def __init__(self) -> None:
        super().__init__(x_is_whole=False)
        self._figure = ScatterFigure()
        self._items: list[pyqtgraph.ScatterPlotItem] = []

    def show_figure(self, figure: ScatterFigure) -> None:
        """Show other points; a zoom stays while the axes do."""
        for item in self._items:
            self.view.removeItem(item)
        self._figure, self._items = figure, []
        for group in figure.groups:
            symbol, size = _SYMBOLS.get(group.marker, ("o", 7.0))
            known = group.points[np.isfinite(group.points).all(axis=1)]
            item = pyqtgraph.ScatterPlotItem(pen=None, brush=QColor(group.colour), symbol=symbol, size=size)
            item.setData(known[:, 0], known[:, 1])
            self.view.addItem(item, ignoreBounds=True)
            self._items.append(item)
        self.foot.set_title(figure.x_title)
        self.setAccessibleDescription(f"{figure.title}; {sum(len(group.points) for group in figure.groups)} points")
        (left, right), (low, high) = figure.ranges()
        self.set_whole(QRectF(left, low, right - left, high - low), keeps_zoom=False)
        self.viewport().update()

    def tip_at(self, place: QPointF) -> str:
        """What the nearest point is, and where."""
        best, found = _REACH, ""
        for point, text in self._points():
            away = self.widget_point(point) - place
            distance = float(np.hypot(away.x(), away.y()))
            if distance < best:
                best, found = distance, f"{text}: {point.x():.3g}, {point.y():.3g}"
        return found

    def _points(self) -> Iterator[tuple[QPointF, str]]:
        """The points that can be drawn, and what each is."""
        for group in self._figure.groups:
            for (x, y), text in zip(group.points.tolist(), group.texts, strict=True):
                if np.isfinite(x) and np.isfinite(y):
                    yield QPointF(x, y), text

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        painter.setPen(self.colour(QPalette.ColorRole.PlaceholderText))
        area = QRectF(self.view.sceneBoundingRect())
        corner = QPointF(area.left() + 4, area.top() + painter.fontMetrics().ascent() + 2)
        painter.drawText(corner, self._figure.y_title)
        for point, text in self._points() if self._figure.labelled else ():
            if area.contains(at := self.widget_point(point)):
                painter.drawText(at + QPointF(5, -3), text)
