"""A dot with its interval per row, names at the left and numbers at the right: accuracy by subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from moe_core.figures.axis import Axis, round_ticks
from moe_core.numbers.formatting import elide
from moe_core.reports.charts.markup import Markup, element

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 1120.0, 270.0, 230.0, 34.0, 19.0
_NAME_LETTERS = 40


@dataclass(frozen=True)
class DotRow:
    """One row: values in 0..1, NaN where undefined; `text` and `n` are printed at the right."""

    name: str
    value: float
    lower: float
    upper: float
    text: str
    n: str


@dataclass(frozen=True)
class IntervalDots:
    """The chart; `lines` are vertical references, each a value 0..1 with its label."""

    label: str
    rows: Sequence[DotRow]
    lines: Sequence[tuple[float, str]]


def draw(chart: IntervalDots) -> Markup:
    """The chart as an SVG element 1,120 units wide, 19 per row."""
    bottom = _TOP + _ROW * len(chart.rows)
    x = Axis(0.0, 1.0, _LEFT, _WIDTH - _RIGHT)
    parts = [*_grid(x, bottom), *_lines(chart, x, bottom)]
    for number, row in enumerate(chart.rows):
        parts += _row(row, x, _TOP + (number + 0.5) * _ROW)
    parts.append(element("text", "n", x=_WIDTH - 8, y=_TOP - 10, text_anchor="end", class_="quiet"))
    size = {"viewBox": f"0 0 {_WIDTH:g} {bottom + 26:g}", "role": "img", "class_": "chart"}
    return element("svg", element("title", chart.label), parts, **size)


def _grid(x: Axis, bottom: float) -> list[Markup]:
    parts = []
    for value, _ in round_ticks(x.low, x.high):
        parts.append(element("path", d=f"M{x(value):.1f},{_TOP}V{bottom:.1f}", class_="grid"))
        parts.append(element("text", f"{value * 100:.0f} %", x=x(value), y=bottom + 16, text_anchor="middle"))
    return parts


def _lines(chart: IntervalDots, x: Axis, bottom: float) -> list[Markup]:
    parts = []
    for number, (value, text) in enumerate(line for line in chart.lines if isfinite(line[0])):
        parts.append(element("path", d=f"M{x(value):.1f},{_TOP - 4}V{bottom:.1f}", class_="reference"))
        parts.append(
            element("text", text, x=x(value), y=_TOP - 10 - 13 * (number % 2), text_anchor="middle", class_="quiet")
        )
    return parts


def _row(row: DotRow, x: Axis, y: float) -> list[Markup]:
    name = element(
        "text", element("title", row.name), elide(row.name, _NAME_LETTERS), x=_LEFT - 12, y=y + 4, text_anchor="end"
    )
    parts = [name, element("text", row.text, x=_WIDTH - 62, y=y + 4, text_anchor="end", class_="number")]
    parts.append(element("text", row.n, x=_WIDTH - 8, y=y + 4, text_anchor="end", class_="number quiet"))
    if isfinite(row.value):
        hover = element("title", f"{row.name}: {row.text}, n = {row.n}")
        parts.append(
            element("path", d=f"M{x.clipped(row.lower):.1f},{y:.1f}H{x.clipped(row.upper):.1f}", class_="interval")
        )
        parts.append(element("circle", hover, cx=x.clipped(row.value), cy=y, r=4, class_="estimate"))
    return parts
