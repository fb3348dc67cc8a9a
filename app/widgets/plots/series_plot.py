"""What curves and points with intervals share: series over an axis, a legend, and text above."""

from math import ceil

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import QMargins, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen, QResizeEvent

from app.widgets.plots.axis_plot import AxisPlot
from app.widgets.plots.legend import Legend
from moe_core.figures.curves import Style

FloatArray = NDArray[np.float64]

_SYMBOLS = {
    "dot": ("o", 4.0),
    "circle": ("o", 6.5),
    "square": ("s", 6.0),
    "diamond": ("d", 8.5),
    "triangle": ("t1", 7.5),
    "down": ("t", 7.5),
    "cross": ("x", 7.5),
    "plus": ("+", 7.5),
    "bar": ("|", 8.0),
}
"""pyqtgraph's name of each marker, and the size at which it looks as large as the others."""
_OPEN = ("square", "diamond")
_BAND_ALPHA, _EDGE_ALPHA, _FADED_ALPHA = 40, 90, 60
_BAR_WIDTH, _CLOSEST_MARKERS = 1.6, 9.0
_NOTHING, _GAP = np.zeros((2, 0)), np.full((2, 1), np.nan)

_MARGIN, _ABOVE = 6.0, 4.0


class DrawnSeries:
    """`set_data` says what is drawn, then `dress` how; what is as it was costs nothing."""

    def __init__(self, view: pyqtgraph.ViewBox) -> None:
        # Smooth areas take ten times as long; here the edges smooth them.
        self.band = pyqtgraph.PlotCurveItem(connect="finite", pen=None, antialias=False)
        self.edges, self.line = (pyqtgraph.PlotCurveItem(connect="finite") for _ in range(2))
        self.markers = pyqtgraph.ScatterPlotItem()
        self.items = self.band, self.edges, self.line, self.markers
        for item in self.items:
            view.addItem(item, ignoreBounds=True)
        self._given: tuple[FloatArray, ...] = ()
        self._dressed: tuple[object, ...] = ()
        self._points = np.zeros((2, 0))
        self._has_bars = False
        self._every = 1

    def set_data(self, x: FloatArray, values: FloatArray, low: FloatArray, high: FloatArray, *, as_bars: bool) -> None:
        """Draw other values; NaN is a gap. The bounds are a band, or a bar at every point."""
        given = x, values, low, high
        if self._given and as_bars == self._has_bars and all(map(_is_same, given, self._given)):
            return
        self._given, self._dressed = given, ()
        known, is_bounded = np.isfinite(values), np.isfinite(low) & np.isfinite(high)
        self._points, self._has_bars = np.stack([x, values])[:, known], as_bars
        self.line.setData(*((x, values) if known.any() else ([], [])))
        areas, edges = [_NOTHING], [_NOTHING]
        for run in _runs(is_bounded, apart=as_bars):
            up, down = np.stack([x, high])[:, run], np.stack([x, low])[:, run]
            if up.shape[1] > 1:
                areas += [up, down[:, ::-1], _GAP]
                edges += [up, _GAP, down, _GAP]
            else:  # a single point has no area
                edges += [up, down, _GAP]
        self.band.setData(*np.concatenate(areas, axis=1), fillLevel="enclosed")
        self.edges.setData(*np.concatenate(edges, axis=1))

    def dress(
        self, colour: QColor, ground: QColor, style: Style, *, is_faded: bool = False, shade: float = 1.0
    ) -> None:
        """Give it its colour; faded it stands behind the one that is pointed at. `shade` makes its band fainter."""
        asked = colour.rgba(), ground.rgba(), style, is_faded, shade
        if asked == self._dressed:
            return
        self._dressed = asked
        line = _with_alpha(colour, _FADED_ALPHA) if is_faded else colour
        symbol, size = _SYMBOLS[style.marker]
        brush = ground if style.marker in _OPEN else line
        self._marker = {"symbol": symbol, "size": size, "pen": _pen(line, 1.3), "brush": brush}
        self.line.setPen(_pen(line, style.width, style.dash))
        edge = _pen(_with_alpha(colour, _EDGE_ALPHA * shade), 1.0, style.dash)
        self.edges.setPen(_pen(line, _BAR_WIDTH) if self._has_bars else edge)
        self.band.setBrush(_with_alpha(colour, _BAND_ALPHA * shade))
        self.line.setZValue(2 if is_faded else 3)
        self.markers.setZValue(2 if is_faded else 4)
        self._place_markers()

    def show(self, is_shown: bool, *, has_bounds: bool = True) -> None:
        """Show or hide it, with or without what bounds it."""
        for item in (self.line, self.markers):
            item.setVisible(is_shown)
        for item in (self.band, self.edges):
            item.setVisible(is_shown and has_bounds)

    def thin_out(self, pixels: float) -> None:
        """Leave out markers where points lie only so many pixels apart."""
        every = max(1, ceil(_CLOSEST_MARKERS / max(pixels, 0.1)))
        if every != self._every:
            self._every = every
            self._place_markers()

    def draw_sample(self, painter: QPainter, left: float, right: float, middle: float) -> None:
        """A short piece of it, for a legend."""
        painter.save()
        painter.setPen(self.line.opts["pen"])
        painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        painter.translate((left + right) / 2, middle)
        drawSymbol(painter, **self._marker)
        painter.restore()

    def _place_markers(self) -> None:
        self.markers.setData(*self._points[:, :: self._every], **self._marker)


def _runs(known: NDArray[np.bool_], *, apart: bool) -> list[slice]:
    """Stretches of places that are all known, in order; `apart` every place by itself."""
    if apart:
        return [slice(place, place + 1) for place in np.flatnonzero(known).tolist()]
    ends = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [slice(start, stop) for start, stop in ends.reshape(-1, 2).tolist()]


def _is_same(one: FloatArray, other: FloatArray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _with_alpha(colour: QColor, alpha: float) -> QColor:
    changed = QColor(colour)
    changed.setAlpha(round(alpha))
    return changed


def _pen(colour: QColor, width: float, dash: tuple[float, ...] = ()) -> QPen:
    pen: QPen = pyqtgraph.mkPen(colour, width=width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dash:
        pen.setDashPattern(list(dash))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


class SeriesPlot(AxisPlot):
    """Series stay items while their number does: other values are other data of the same ones.

    Whoever builds on it gives `series` their data after `keep`, and colours in `dress`; `texts` stand above the plot.
    """

    def __init__(self, *, x_is_whole: bool) -> None:
        super().__init__(x_is_whole=x_is_whole)
        self.legend = Legend()
        self.series: list[DrawnSeries] = []
        self.texts: tuple[tuple[str, QPalette.ColorRole], ...] = ()
        self._above = QRectF()

    def dress(self) -> None:
        raise NotImplementedError

    def keep(self, n: int) -> None:
        while len(self.series) < n:
            self.series.append(DrawnSeries(self.view))
        while len(self.series) > n:
            for item in self.series.pop().items:
                self.view.removeItem(item)

    def arrange(self) -> None:
        font, whole = self.figures_font, QRectF(self.rect())
        taken = self.legend.height_above, self.legend.least_width
        room = self.legend.arrange(whole.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), font)
        self._above = QRectF(room.topLeft(), QPointF(room.right(), room.top() + QFontMetricsF(font).height() + 2))
        top = self._above.top() + len(self.texts) * self._above.height() + _ABOVE
        self.grid.setContentsMargins(room.left(), top, whole.right() - room.right(), whole.bottom() - room.bottom())
        self.viewport().update()
        if (self.legend.height_above, self.legend.least_width) != taken:
            self.updateGeometry()

    def restyle(self) -> None:
        super().restyle()
        self.dress()
        self.arrange()

    @property
    def title_boxes(self) -> list[QRectF]:
        metrics, boxes = QFontMetricsF(self.figures_font), list[QRectF]()
        for number, (text, _) in enumerate(self.texts):
            box = self._above.translated(0, number * self._above.height())
            box.setWidth(min(metrics.horizontalAdvance(text), box.width()))
            boxes.append(box)
        return boxes

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        self.legend.draw(painter, self.palette())
        metrics = QFontMetricsF(painter.font())
        for (text, role), box in zip(self.texts, self.title_boxes, strict=True):
            painter.setPen(self.colour(role))
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, box.width() + 1)
            painter.drawText(box.adjusted(0, 0, 2, 0), Qt.AlignmentFlag.AlignLeft, shown)

    def minimumSizeHint(self) -> QSize:
        """A legend above is no part of the plot's own least height, and is as wide as what is read in it: what has less
        room than both scrolls."""
        least = super().minimumSizeHint().grownBy(QMargins(0, 0, 0, round(self.legend.height_above)))
        return least.expandedTo(QSize(round(self.legend.least_width + 2 * _MARGIN), 0))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it without one while it is built
            self.arrange()
