"""Values as dots along one axis, equal ones stacked, and one of them marked: where it falls among the others."""

from collections import Counter
from math import isfinite

import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy

from app import theme
from app.widgets.plots.axis_plot import AxisPlot
from moe_core.figures.strip import StripFigure

_MARGIN, _DOT, _MARK = 20, 7, 14
"""Pixels: beside the axis, and across dots and the mark."""


class StripPlot(AxisPlot):
    """Draws a `StripFigure`."""

    wanted_size, least_size = QSize(260, 110), QSize(160, 90)

    def __init__(self) -> None:
        super().__init__(x_is_whole=False)
        self._figure = StripFigure()
        self.left.hide()
        zero = pyqtgraph.InfiniteLine(0, pen=QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DashLine))
        self._dots = pyqtgraph.ScatterPlotItem(size=_DOT, brush=QColor(theme.REFERENCE))
        self._line = pyqtgraph.InfiniteLine(pen=pyqtgraph.mkPen(theme.WHAT_IF, width=1.5))
        self._mark = pyqtgraph.ScatterPlotItem(size=_MARK, symbol="d", brush=QColor(theme.WHAT_IF), pen=None)
        for item in (zero, self._dots, self._line, self._mark):
            self.view.addItem(item, ignoreBounds=True)
        self.view.setLimits(yMin=0, yMax=1, minYRange=1, maxYRange=1)  # only the axis zooms
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_figure(self, figure: StripFigure) -> None:
        self._figure, (low, high) = figure, figure.ends
        self.setAccessibleDescription(f"{figure.mark_text}; {len(figure.known)} {figure.others}")
        self.foot.set_title(figure.unit)
        self.set_whole(QRectF(low, 0, high - low, 1), keeps_zoom=False)
        self.follow_range()

    def follow_range(self) -> None:
        """Stack dots that would cover each other, closer where there are too many."""
        super().follow_range()
        figure, (left, right), height = self._figure, self.view.viewRange()[0], max(self.view.height(), 1.0)
        columns = [round(value / (right - left) * self.view.width() / _DOT) for value in sorted(figure.known)]
        step = min(_DOT + 1.0, max(1.0, (height - _MARK) / max(Counter(columns).values(), default=1)))
        places = [columns[:number].count(column) for number, column in enumerate(columns)]
        self._dots.setData(sorted(figure.known), [(_DOT / 2 + 2 + place * step) / height for place in places])
        marked = [figure.marked] if isfinite(figure.marked) else []
        self._mark.setData(marked, [(_MARK / 2 + 1) / height] * len(marked))
        self._line.setVisible(bool(marked))
        self._line.setValue(sum(marked))

    def restyle(self) -> None:
        super().restyle()
        self.grid.setContentsMargins(_MARGIN, self.fontMetrics().height() + 4, _MARGIN, 2)
        self._dots.setPen(self.colour(QPalette.ColorRole.Base))

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        if self._line.isVisible():
            metrics, text = painter.fontMetrics(), self._figure.mark_text
            width, x = metrics.horizontalAdvance(text), self.widget_point(QPointF(self._figure.marked, 0)).x()
            left = min(max(x - width / 2, 2), self.width() - width - 2)
            painter.setPen(self.colour(QPalette.ColorRole.Text))
            painter.drawText(QPointF(left, metrics.ascent() + 1), text)
