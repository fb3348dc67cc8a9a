"""The layer x expert heat map: one cell per expert, a colour bar with its range, exact values on hover.

Axes: L layers, E experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.axis import Axis
from moe_core.figures.colour_scale import hex_colour
from moe_core.reports.charts.markup import Markup, element

_LEFT, _TOP, _WIDTH, _BAR_WIDTH, _BAR_STEPS = 34.0, 34.0, 1120.0, 240.0, 48
_MAX_CELL = 42.0  # few experts make a narrow map rather than wide bars
_GAP = 1.0  # hairline between cells


@dataclass(frozen=True)
class HeatMap:
    """What to draw. `values` [L, E] are NaN where unsupported (blank grey); `is_unused` cells carry a dot instead.

    `hover` [L][E] is the text of each cell, `mark` an optional value to point at on the colour bar with its label.
    """

    label: str
    values: NDArray[np.float64]
    is_unused: NDArray[np.bool_]
    hover: Sequence[Sequence[str]]
    low: float
    high: float
    tick_texts: Sequence[tuple[float, str]]
    mark: tuple[float, str] | None = None


def draw(chart: HeatMap) -> Markup:
    """The chart as an SVG element 1,120 units wide; cells stay near square up to 64 experts and flatten beyond."""
    L, E = chart.values.shape
    cell = min((_WIDTH - _LEFT) / E, _MAX_CELL)
    height = min(max(cell, 12.0), 20.0)
    bottom = _TOP + L * height
    parts = [*_cells(chart, cell, height), *_axes(L, E, cell, height), *_colour_bar(chart, bottom + 22)]
    size = {"viewBox": f"0 0 {_WIDTH:g} {bottom + 62:g}", "role": "img", "class_": "chart"}
    return element("svg", element("title", chart.label), parts, **size)


def _cells(chart: HeatMap, width: float, height: float) -> list[Markup]:
    scale = (chart.high - chart.low) or 1.0
    return [
        _cell(chart, layer, expert, _LEFT + expert * width, _TOP + layer * height, (width, height), scale)
        for layer, expert in np.ndindex(chart.values.shape)
    ]


def _cell(
    chart: HeatMap, layer: int, expert: int, x: float, y: float, size: tuple[float, float], scale: float
) -> Markup:
    value, (width, height) = chart.values[layer, expert], size
    is_blank = bool(chart.is_unused[layer, expert]) or not np.isfinite(value)
    box = element(
        "rect",
        element("title", chart.hover[layer][expert]),
        x=x,
        y=y,
        width=width - _GAP,
        height=height - _GAP,
        class_="empty" if is_blank else None,
        fill=None if is_blank else hex_colour("cividis", (value - chart.low) / scale),
    )
    if not chart.is_unused[layer, expert]:
        return box
    dot = element("circle", cx=x + (width - _GAP) / 2, cy=y + (height - _GAP) / 2, r=1.4, class_="dot")
    return Markup(box + dot)


def _axes(L: int, E: int, width: float, height: float) -> list[Markup]:
    label_every = 1 if height >= 12 else 2
    rows = [
        element("text", str(layer), x=_LEFT - 6, y=_TOP + (layer + 0.5) * height + 3.5, text_anchor="end")
        for layer in range(0, L, label_every)
    ]
    step = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128) if step * width >= 30 or step >= E)
    columns = [
        element("text", str(expert), x=_LEFT + (expert + 0.5) * width, y=_TOP - 6, text_anchor="middle")
        for expert in range(0, E, step)
    ]
    name = element("text", "expert →", x=_LEFT + E * width, y=10.0, text_anchor="end", class_="quiet")
    return [*rows, *columns, name, element("text", "layer ↓", x=0.0, y=10.0, class_="quiet")]


def _colour_bar(chart: HeatMap, top: float) -> list[Markup]:
    axis = Axis(chart.low, chart.high, _LEFT, _LEFT + _BAR_WIDTH)
    width = _BAR_WIDTH / _BAR_STEPS
    bar = [
        element(
            "rect",
            x=_LEFT + step * width,
            y=top,
            width=width + 0.4,
            height=10,
            fill=hex_colour("cividis", step / (_BAR_STEPS - 1)),
        )
        for step in range(_BAR_STEPS)
    ]
    ticks = [
        element("text", text, x=axis.clipped(value), y=top + 23, text_anchor="middle")
        for value, text in chart.tick_texts
    ]
    parts = [*bar, *ticks, *_keys(chart, top)]
    if chart.mark is not None:
        value, text = chart.mark
        place = axis.clipped(value)
        parts.append(element("path", d=f"M{place:.1f},{top + 10:.1f}v-13", class_="mark"))
        shift, anchor = (4, "start") if place < _LEFT + _BAR_WIDTH / 2 else (-4, "end")
        parts.append(element("text", text, x=place + shift, y=top - 4, text_anchor=anchor, class_="quiet"))
    return parts


def _keys(chart: HeatMap, top: float) -> list[Markup]:
    """What blank cells mean, for the kinds that occur."""
    x, parts = _LEFT + _BAR_WIDTH + 40, []
    has_unsupported = bool((~np.isfinite(chart.values) & ~chart.is_unused).any())
    for text, is_shown, has_dot in (
        ("never used in this scope", bool(chart.is_unused.any()), True),
        ("used by too few questions", has_unsupported, False),
    ):
        if is_shown:
            parts.append(element("rect", x=x, y=top - 2, width=14, height=14, class_="empty"))
            parts += [element("circle", cx=x + 7, cy=top + 5, r=1.6, class_="dot")] * has_dot
            parts.append(element("text", text, x=x + 20, y=top + 9))
            x += 190
    return parts
