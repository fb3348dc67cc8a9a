"""Draws curves: lines, bands and markers, each told apart by dashes and shape as well as by colour."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen, QPolygonF

from app import theme
from app.widgets.curve_chart import Curve, Marker

_RADIUS = 3.0
_BAND_ALPHA, _BAND_EDGE_ALPHA = 40, 90
_FADED_ALPHA = 60
_CLOSEST_MARKERS = 9.0

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
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF([*upper, *reversed(lower)]))
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
        for point in points[::every]:
            draw_marker(painter, point, curve.style.marker, colour, base)


def draw_sample(painter: QPainter, left: float, right: float, middle: float, curve: Curve, colour: QColor) -> None:
    """A short piece of the curve, for a legend."""
    painter.setPen(_pen(colour, curve.style.width, curve.style.dash))
    painter.drawLine(QPointF(left, middle), QPointF(right, middle))
    draw_marker(painter, QPointF((left + right) / 2, middle), curve.style.marker, colour, colour)


def draw_marker(
    painter: QPainter, at: QPointF, marker: Marker, colour: QColor, base: QColor, radius: float = _RADIUS
) -> None:
    """A marker; `base` fills those that are open."""
    painter.setPen(_pen(colour, 1.3))
    match marker:
        case "cross" | "plus" | "bar":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(_strokes(marker, at, radius))
        case "dot":
            painter.setBrush(colour)
            painter.drawEllipse(at, 0.55 * radius, 0.55 * radius)
        case "circle":
            painter.setBrush(colour)
            painter.drawEllipse(at, radius, radius)
        case "square":
            painter.setBrush(base)
            side = 0.9 * radius
            painter.drawRect(QRectF(at.x() - side, at.y() - side, 2 * side, 2 * side))
        case _:
            painter.setBrush(base if marker == "diamond" else colour)
            painter.drawPolygon(QPolygonF([at + corner * (1.2 * radius) for corner in _CORNERS[marker]]))


_CORNERS = {
    "diamond": (QPointF(0, -1), QPointF(1, 0), QPointF(0, 1), QPointF(-1, 0)),
    "triangle": (QPointF(0, -1), QPointF(0.9, 0.7), QPointF(-0.9, 0.7)),
    "down": (QPointF(0, 1), QPointF(0.9, -0.7), QPointF(-0.9, -0.7)),
}


def faded(colour: QColor) -> QColor:
    """The colour of a curve while another one is pointed at."""
    pale = QColor(colour)
    pale.setAlpha(_FADED_ALPHA)
    return pale


def quiet(palette: QPalette) -> QColor:
    """Hairlines of the grid."""
    return theme.blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text), 0.11)


def _strokes(marker: Marker, at: QPointF, radius: float) -> QPainterPath:
    lines = {
        "cross": ((-0.8, -0.8, 0.8, 0.8), (-0.8, 0.8, 0.8, -0.8)),
        "plus": ((-1.0, 0.0, 1.0, 0.0), (0.0, -1.0, 0.0, 1.0)),
        "bar": ((0.0, -1.1, 0.0, 1.1),),
    }
    path = QPainterPath()
    for x0, y0, x1, y1 in lines[marker]:
        path.moveTo(at + QPointF(x0, y0) * radius)
        path.lineTo(at + QPointF(x1, y1) * radius)
    return path


def _pen(colour: QColor, width: float, dash: tuple[float, ...] = ()) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dash:
        pen.setDashPattern(list(dash))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen
