"""Draws curves: lines, bands and markers, each told apart by dashes and shape as well as by colour."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen, QPolygonF

from app import theme
from moe_core.figures.curves import Curve, Marker

_RADIUS = 3.0
_BAND_ALPHA, _BAND_EDGE_ALPHA = 40, 90
_FADED_ALPHA = 60
_CLOSEST_MARKERS = 9.0

_OPEN = ("square", "diamond")
# In radii; a triangle reaches a little further, so that it looks as large as a circle.
_CORNERS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": ((0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)),
    "triangle": ((0.0, -1.2), (1.1, 0.85), (-1.1, 0.85)),
    "down": ((0.0, 1.2), (1.1, -0.85), (-1.1, -0.85)),
}
_STROKES = {
    "cross": (((-0.8, -0.8), (0.8, 0.8)), ((-0.8, 0.8), (0.8, -0.8))),
    "plus": (((-1.0, 0.0), (1.0, 0.0)), ((0.0, -1.0), (0.0, 1.0))),
    "bar": (((0.0, -1.1), (0.0, 1.1)),),
}

Scale = Callable[[float], float]


def curve_colour(curve: Curve, palette: QPalette) -> QColor:
    """The curve's own colour, or that of text."""
    return QColor(curve.colour) if curve.colour else palette.color(QPalette.ColorRole.Text)


def runs(known: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[slice]:
    """Stretches of places that are all known, in order."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in ends.reshape(-1, 2)]


def draw_band(painter: QPainter, curve: Curve, x: Scale, y: Scale, colour: QColor) -> None:
    """From low to high, translucent with a finer edge, so that bands that overlap can all be seen."""
    fill, edge = QColor(colour), QColor(colour)
    fill.setAlpha(_BAND_ALPHA if curve.colour else _BAND_ALPHA // 2)
    edge.setAlpha(_BAND_EDGE_ALPHA if curve.colour else _BAND_EDGE_ALPHA // 2)
    for run in runs(np.isfinite(curve.low) & np.isfinite(curve.high)):
        upper = [QPointF(x(a), y(b)) for a, b in zip(curve.x[run], curve.high[run], strict=True)]
        lower = [QPointF(x(a), y(b)) for a, b in zip(curve.x[run], curve.low[run], strict=True)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # a tenth of the time; the edges smooth it
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(_pen(edge, 1.0, curve.style.dash))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if len(upper) == 1:  # a single layer has no area
            painter.drawLine(upper[0], lower[0])
        else:
            painter.drawPolyline(upper)
            painter.drawPolyline(lower)


def draw_curve(painter: QPainter, curve: Curve, x: Scale, y: Scale, colour: QColor, base: QColor) -> None:
    """The line of means, with a marker at each x or at as many as there is room for."""
    for run in runs(np.isfinite(curve.mean)):
        points = [QPointF(x(a), y(b)) for a, b in zip(curve.x[run], curve.mean[run], strict=True)]
        painter.setPen(_pen(colour, curve.style.width, curve.style.dash))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(points)
        gap = min((b.x() - a.x() for a, b in pairwise(points)), default=_CLOSEST_MARKERS)
        every = max(1, int(np.ceil(_CLOSEST_MARKERS / max(gap, 0.1))))
        draw_markers(painter, points[::every], curve.style.marker, colour, base)


def draw_sample(
    painter: QPainter, left: float, right: float, middle: float, curve: Curve, colour: QColor, base: QColor
) -> None:
    """A short piece of the curve, for a legend."""
    painter.setPen(_pen(colour, curve.style.width, curve.style.dash))
    painter.drawLine(QPointF(left, middle), QPointF(right, middle))
    draw_markers(painter, [QPointF((left + right) / 2, middle)], curve.style.marker, colour, base)


def draw_markers(painter: QPainter, points: list[QPointF], marker: Marker, colour: QColor, base: QColor) -> None:
    """A marker at each point; those that are open are filled with `base`."""
    shape, all_of_them = _shape(marker), QPainterPath()
    for point in points:
        all_of_them.addPath(shape.translated(point))
    painter.setPen(_pen(colour, 1.3))
    painter.setBrush(base if marker in _OPEN else colour)
    painter.drawPath(all_of_them)


def faded(colour: QColor) -> QColor:
    """The colour of a curve while another one is pointed at."""
    pale = QColor(colour)
    pale.setAlpha(_FADED_ALPHA)
    return pale


def quiet(palette: QPalette) -> QColor:
    """Hairlines of the grid."""
    return theme.blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text), 0.11)


@cache
def _shape(marker: Marker) -> QPainterPath:
    """The outline of a marker around (0, 0)."""
    path = QPainterPath()
    match marker:
        case "dot":
            path.addEllipse(QPointF(), 0.55 * _RADIUS, 0.55 * _RADIUS)
        case "circle":
            path.addEllipse(QPointF(), _RADIUS, _RADIUS)
        case "cross" | "plus" | "bar":
            for start, end in _STROKES[marker]:
                path.moveTo(QPointF(*start) * _RADIUS)
                path.lineTo(QPointF(*end) * _RADIUS)
        case _:
            path.addPolygon(QPolygonF([QPointF(*corner) * _RADIUS for corner in _CORNERS[marker]]))
            path.closeSubpath()
    return path


def _pen(colour: QColor, width: float, dash: tuple[float, ...] = ()) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dash:
        pen.setDashPattern(list(dash))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen
