"""Points with intervals over a scale or over names, joined to curves; draws at random as a band of their range."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from moe_core.figures.axis import Axis, round_ticks
from moe_core.reports.charts.markup import Markup, element

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1120.0, 380.0, 62.0, 30.0, 46.0, 48.0
_COLOURS = ("#CC79A7", "#E69F00", "#56B4E9", "#009E73")
_RANDOM = "#8b949e"
_DASHES = (None, "7 3", "2 3", "9 3 2 3")
_OFFSET = 4.0  # pixels between curves at the same x, so that no interval hides another


@dataclass(frozen=True)
class PointCurve:
    """One series; values and bounds share a unit, `texts` are shown on hover. `is_random`: a band, else intervals."""

    name: str
    x: Sequence[float]
    values: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]
    texts: Sequence[str]
    is_random: bool = False


@dataclass(frozen=True)
class PointCurves:
    """The chart. `names` are labels of the places 0, 1, .. where x is no scale; `percent` writes values as shares."""

    label: str
    x_title: str
    y_title: str
    curves: Sequence[PointCurve]
    reference: tuple[float, str]
    names: Sequence[str] = ()
    x_is_share: bool = False


def draw(chart: PointCurves) -> Markup:
    """The chart as an SVG element 1,120 units wide."""
    x, y = _x_axis(chart), _y_axis(chart)
    parts = [*_grid(chart, x, y)]
    ordered = sorted(enumerate(chart.curves), key=lambda pair: not pair[1].is_random)
    for place, curve in ordered:
        parts += _curve(curve, place, len(chart.curves), x, y, joined=not chart.names)
    parts += _legend(chart.curves)
    size = {"viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}", "role": "img", "class_": "chart"}
    return element("svg", element("title", chart.label), parts, **size)


def _x_axis(chart: PointCurves) -> Axis:
    if chart.names:
        return Axis(-0.5, len(chart.names) - 0.5, _LEFT, _WIDTH - _RIGHT)
    values = [x for curve in chart.curves for x in curve.x]
    low, high = min(values), max(values)
    air = 0.05 * ((high - low) or 1.0)
    return Axis(low - air, high + air, _LEFT, _WIDTH - _RIGHT)


def _y_axis(chart: PointCurves) -> Axis:
    values = [v for curve in chart.curves for v in (*curve.values, *curve.lower, *curve.upper) if isfinite(v)]
    low, high = min([*values, chart.reference[0]]), max([*values, chart.reference[0]])
    air = 0.08 * ((high - low) or 0.01)
    return Axis(low - air, high + air, _HEIGHT - _BOTTOM, _TOP)


def _grid(chart: PointCurves, x: Axis, y: Axis) -> list[Markup]:
    parts = []
    bottom = _HEIGHT - _BOTTOM
    for value, _ in round_ticks(y.low, y.high):
        parts.append(element("path", d=f"M{_LEFT},{y(value):.1f}H{_WIDTH - _RIGHT}", class_="grid"))
        parts.append(element("text", f"{value * 100:.4g}", x=_LEFT - 7, y=y(value) + 3.5, text_anchor="end"))
    ticks = (
        list(enumerate(chart.names))
        if chart.names
        else [(v, _tick(v, chart)) for v, _ in round_ticks(x.low, x.high, 8)]
    )
    parts += [element("text", text, x=x(at), y=bottom + 17, text_anchor="middle") for at, text in ticks]
    value, text = chart.reference
    parts.append(element("path", d=f"M{_LEFT},{y(value):.1f}H{_WIDTH - _RIGHT}", class_="reference"))
    parts.append(element("text", text, x=_WIDTH - _RIGHT, y=y(value) - 5, text_anchor="end", class_="quiet"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(element("text", chart.x_title, x=middle, y=_HEIGHT - 8, text_anchor="middle", class_="quiet"))
    parts.append(element("text", chart.y_title, x=6.0, y=_TOP - 12, class_="quiet"))
    return parts


def _tick(value: float, chart: PointCurves) -> str:
    return f"{value * 100:.4g} %" if chart.x_is_share else f"{value:.4g}"


def _curve(curve: PointCurve, place: int, n: int, x: Axis, y: Axis, *, joined: bool) -> list[Markup]:
    colour, shift = _colour(curve, place), (place - (n - 1) / 2) * _OFFSET
    known = [at for at, value in enumerate(curve.values) if isfinite(value)]
    points = [(x(curve.x[at]) + shift, y(curve.values[at])) for at in known]
    parts = []
    if curve.is_random and joined:
        upper = [f"{point[0]:.1f},{y(curve.upper[at]):.1f}" for point, at in zip(points, known, strict=True)]
        lower = [f"{point[0]:.1f},{y(curve.lower[at]):.1f}" for point, at in zip(points, known, strict=True)]
        parts.append(element("polygon", points=" ".join(upper + lower[::-1]), fill=colour, class_="band"))
    if joined:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        dash = _DASHES[place % len(_DASHES)]
        parts.append(element("polyline", points=path, class_="line", stroke=colour, stroke_dasharray=dash))
    for (left, top), at in zip(points, known, strict=True):
        if isfinite(curve.lower[at]) and not (curve.is_random and joined):
            bar = f"M{left:.1f},{y(curve.lower[at]):.1f}V{y(curve.upper[at]):.1f}"
            parts.append(element("path", d=bar, stroke=colour, stroke_width=1.6, fill="none"))
        parts.append(element("circle", element("title", curve.texts[at]), cx=left, cy=top, r=4, fill=colour))
    return parts


def _legend(curves: Sequence[PointCurve]) -> list[Markup]:
    parts, left = [], _LEFT
    for place, curve in enumerate(curves):
        dash = _DASHES[place % len(_DASHES)]
        colour = _colour(curve, place)
        parts.append(element("path", d=f"M{left},14h26", class_="line", stroke=colour, stroke_dasharray=dash))
        parts.append(element("circle", cx=left + 13, cy=14, r=4, fill=colour))
        parts.append(element("text", curve.name, x=left + 33, y=18))
        left += 60 + 6.6 * len(curve.name)
    return parts


def _colour(curve: PointCurve, place: int) -> str:
    return _RANDOM if curve.is_random else _COLOURS[place % len(_COLOURS)]
