"""Curves over the layers: mean with a band of one standard deviation, reference lines and a published range."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.axis import Axis, round_ticks
from moe_core.numbers.formatting import mean_and_std, significant
from moe_core.reports.charts.markup import Markup, element

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1120.0, 340.0, 44.0, 92.0, 40.0, 42.0


@dataclass(frozen=True)
class Curve:
    """One line; `style` is the CSS class that gives colour and dashes, and its marker's shape (`answer`, `prompt`)."""

    name: str
    style: str
    mean: NDArray[np.float64]
    std: NDArray[np.float64]


@dataclass(frozen=True)
class LayerCurves:
    """The chart: curves [L] in `unit`, a reference line with its label, and an optional shaded range with its label."""

    label: str
    unit: str
    curves: Sequence[Curve]
    reference: tuple[float, str]
    published: tuple[float, float, str] | None = None


def draw(chart: LayerCurves) -> Markup:
    """The chart as an SVG element 1,120 units wide."""
    n_layers = len(chart.curves[0].mean)
    x = Axis(-0.5, n_layers - 0.5, _LEFT, _WIDTH - _RIGHT)
    y = _value_axis(chart)
    parts: list[Markup] = [*_grid(chart, x, y, n_layers), *_references(chart, x, y)]
    parts += [_band(curve, x, y) for curve in chart.curves]
    for curve in chart.curves:
        parts += [_line(curve, x, y), *_markers(curve, x, y)]
    parts += _legend(chart)
    size = {"viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}", "role": "img", "class_": "chart"}
    return element("svg", element("title", chart.label), parts, **size)


def _value_axis(chart: LayerCurves) -> Axis:
    """From a little below the lowest band to just above the reference: the range is used, not begun at zero."""
    lows = [float(np.nanmin(curve.mean - curve.std)) for curve in chart.curves]
    low = min([*lows, *([chart.published[0]] if chart.published else [])])
    high = chart.reference[0]
    margin = max(high - low, 0.05 * high) * 0.06
    return Axis(max(0.0, low - margin), high + margin, _HEIGHT - _BOTTOM, _TOP)


def _grid(chart: LayerCurves, x: Axis, y: Axis, n_layers: int) -> list[Markup]:
    parts = []
    for value, _ in round_ticks(y.low, y.high):
        parts.append(element("path", d=f"M{_LEFT},{y(value):.1f}H{_WIDTH - _RIGHT}", class_="grid"))
        parts.append(element("text", significant(value), x=_LEFT - 7, y=y(value) + 3.5, text_anchor="end"))
    step = next(step for step in (1, 2, 4, 8, 16, 32) if n_layers / step <= 36 or step == 32)
    baseline = _HEIGHT - _BOTTOM + 16
    parts += [
        element("text", str(layer), x=x(layer), y=baseline, text_anchor="middle") for layer in range(0, n_layers, step)
    ]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(element("text", "layer", x=middle, y=_HEIGHT - 8, text_anchor="middle", class_="quiet"))
    parts.append(element("text", chart.unit, x=_LEFT - 7, y=_TOP - 12, text_anchor="end", class_="quiet"))
    return parts


def _references(chart: LayerCurves, x: Axis, y: Axis) -> list[Markup]:
    value, text = chart.reference
    end = _WIDTH - _RIGHT
    parts = [
        element("path", d=f"M{_LEFT},{y(value):.1f}H{end}", class_="reference"),
        element("text", text, x=end + 6, y=y(value) + 3.5, class_="quiet"),
    ]
    if chart.published is not None:
        low, high, name = chart.published
        top = y.clipped(high)
        parts.insert(
            0, element("rect", x=_LEFT, y=top, width=end - _LEFT, height=y.clipped(low) - top, class_="published")
        )
        lines = name.split("\n")
        parts += [
            element(
                "text",
                line,
                x=end + 6,
                y=(top + y.clipped(low)) / 2 + 3.5 + 13 * (number - (len(lines) - 1) / 2),
                class_="quiet",
            )
            for number, line in enumerate(lines)
        ]
    return parts


def _band(curve: Curve, x: Axis, y: Axis) -> Markup:
    known = np.flatnonzero(np.isfinite(curve.mean)).tolist()
    upper = [f"{x(layer):.1f},{y.clipped(curve.mean[layer] + curve.std[layer]):.1f}" for layer in known]
    lower = [f"{x(layer):.1f},{y.clipped(curve.mean[layer] - curve.std[layer]):.1f}" for layer in reversed(known)]
    return element("polygon", points=" ".join(upper + lower), class_=f"band {curve.style}")


def _line(curve: Curve, x: Axis, y: Axis) -> Markup:
    known = np.flatnonzero(np.isfinite(curve.mean)).tolist()
    points = " ".join(f"{x(layer):.1f},{y.clipped(curve.mean[layer]):.1f}" for layer in known)
    return element("polyline", points=points, class_=f"line {curve.style}")


def _markers(curve: Curve, x: Axis, y: Axis) -> list[Markup]:
    return [
        _marker(
            curve.style,
            x(layer),
            y.clipped(curve.mean[layer]),
            f"layer {layer}, {curve.name}: {mean_and_std(mean, std)}",
        )
        for layer, (mean, std) in enumerate(zip(curve.mean.tolist(), curve.std.tolist(), strict=True))
        if np.isfinite(mean)
    ]


def _marker(style: str, x: float, y: float, hover: str) -> Markup:
    """Round for the answer, square for other scopes: colour is never the only difference."""
    title = element("title", hover)
    if style == "answer":
        return element("circle", title, cx=x, cy=y, r=3.6, class_=f"marker {style}")
    return element("rect", title, x=x - 3.2, y=y - 3.2, width=6.4, height=6.4, class_=f"marker {style}")


def _legend(chart: LayerCurves) -> list[Markup]:
    parts, x = [], _LEFT + 8
    for curve in chart.curves:
        parts.append(element("polyline", points=f"{x},14 {x + 30},14", class_=f"line {curve.style}"))
        parts.append(_marker(curve.style, x + 15, 14.0, curve.name))
        parts.append(element("text", curve.name, x=x + 38, y=17.5))
        x += 60 + 6.2 * len(curve.name)
    return parts
