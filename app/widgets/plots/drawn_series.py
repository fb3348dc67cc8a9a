"""A series as items of a plot: a line with markers, and what bounds it; told apart by dashes and shapes as well."""

from math import ceil

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

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


class DrawnSeries:
    """`set_data` says what is drawn, then `dress` how."""

    def __init__(self, view: pyqtgraph.ViewBox) -> None:
        # Smooth areas take ten times as long; here the edges smooth them.
        self.band = pyqtgraph.PlotCurveItem(connect="finite", pen=None, antialias=False)
        self.edges, self.line = (pyqtgraph.PlotCurveItem(connect="finite") for _ in range(2))
        self.markers = pyqtgraph.ScatterPlotItem()
        self.items = self.band, self.edges, self.line, self.markers
        for item in self.items:
            view.addItem(item, ignoreBounds=True)
        self._points = np.zeros((2, 0))
        self._has_bars = False
        self._every = 1

    def set_data(self, x: FloatArray, values: FloatArray, low: FloatArray, high: FloatArray, *, as_bars: bool) -> None:
        """Draw other values; NaN is a gap. The bounds are a band, or a bar at every point."""
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
