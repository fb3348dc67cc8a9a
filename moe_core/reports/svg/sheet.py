"""What a chart is drawn on: a page, whose style sheet gives the colours, or paper, where every mark carries its own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moe_core.figures.curves import Style
from moe_core.reports.svg.markup import Attribute, Markup, element
from moe_core.reports.svg.text_width import text_width, wrapped

STYLE = Path(__file__).parent.parent / "page" / "style.css"
SANS = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
MONO = "DejaVu Sans Mono, Liberation Mono, Menlo, Consolas, Courier New, monospace"
LINE = 1.25
"""From one line of text to the next, in text sizes."""
_COLOUR = re.compile(r"--(\w+): (#\w+)")
_RULE = re.compile(r"svg\.chart \.(\w+) \{ (.+?);? \}")
_HAIRLINE, _STROKE = 0.06, 0.095
"""Widths of lines of the grid and of a stroke of width 1, in text sizes."""


@dataclass(frozen=True)
class Drawing:
    """The parts of a chart and how high it is."""

    parts: list[Markup]
    height: float


@dataclass(frozen=True)
class Sheet:
    """`width` and `text_size` in the units of the drawing; every other size follows from the text's.

    On paper there is nothing to point at, and what is selected is shown only where `shows_selection` says so.
    """

    width: float
    text_size: float
    is_page: bool
    shows_selection: bool = False

    def em(self, sizes: float) -> float:
        return sizes * self.text_size

    def ink(self, role: str) -> Mapping[str, Attribute]:
        """How a part of the chart looks: the name of a rule of the style sheet, or what that rule says."""
        return {"class_": role} if self.is_page else paper_rules()[role]

    def stroke(self, colour: str, width: float = 1.0, dash: Iterable[float] = ()) -> dict[str, Attribute]:
        """A line of a colour, of that of text where it has none; `dash` in line widths."""
        wide = self.em(_STROKE) * width
        dashes = " ".join(f"{part * wide:.2f}" for part in dash)
        own: Mapping[str, Attribute] = {"stroke": colour, "fill": "none"} if colour else self.ink("line")
        return {**own, "stroke_width": wide, "stroke_dasharray": dashes or None}

    def pen(self, colour: str, style: Style) -> dict[str, Attribute]:
        """The line of a curve."""
        return {**self.stroke(colour, style.width, style.dash), "stroke_linejoin": "round"}

    def fill(self, colour: str) -> Mapping[str, Attribute]:
        """An area of a colour, of that of text where it has none."""
        return {"fill": colour} if colour else self.ink("solid")

    def line(self, path: str, role: str) -> Markup:
        """A line of the frame."""
        width = _HAIRLINE if role in ("grid", "axis") else _STROKE
        dash = f"{self.em(0.4):.2f} {self.em(0.25):.2f}" if role == "reference" else None
        return element("path", d=path, **self.ink(role), stroke_width=self.em(width), stroke_dasharray=dash)

    def box(self, x: float, y: float, width: float, height: float, role: str) -> Markup:
        """A filled rectangle."""
        return element("rect", x=x, y=y, width=width, height=height, **self.ink(role))

    def text(
        self, x: float, y: float, text: str, anchor: str = "start", role: str = "text", *, is_upright: bool = False
    ) -> Markup:
        """A line of text that stands on (x, y); read from below where it `is_upright`."""
        place = {"transform": f"translate({x:.2f} {y:.2f}) rotate(-90)"} if is_upright else {"x": x, "y": y}
        ends = None if anchor == "start" else anchor
        return element("text", text, **place, text_anchor=ends, **self.ink(role))

    def lines(self, x: float, top: float, text: str, anchor: str = "start", role: str = "quiet") -> Drawing:
        """A text below `top` in as many lines as it needs to stay on the sheet."""
        found = wrapped(text, self.width - x if anchor == "start" else self.width, self.text_size)
        half = max((text_width(line, self.text_size) for line in found), default=0.0) / 2
        if anchor == "middle":
            x = min(max(x, half), self.width - half)
        lines = enumerate(found)
        parts = [self.text(x, top + self.em(0.95 + LINE * at), line, anchor, role) for at, line in lines]
        return Drawing(parts, self.em(LINE * len(found)))

    def middle(self, y: float) -> float:
        """The line of a text whose letters stand around y."""
        return y + self.em(0.35)

    def tip(self, text: str) -> list[Markup]:
        """What is said on hover; on paper nothing."""
        return [element("title", text)] if self.is_page and text else []


@cache
def paper_rules() -> dict[str, dict[str, str]]:
    """What the rules for charts say in light colours, as attributes of elements."""
    style = STYLE.read_text(encoding="utf-8")
    light = dict(_COLOUR.findall(style[: style.index("@media")]))
    rules = {}
    for name, body in _RULE.findall(style):
        said = (part.split(": ") for part in body.split("; "))
        rules[name] = {key.replace("-", "_"): re.sub(r"var\(--(\w+)\)", lambda m: light[m[1]], v) for key, v in said}
    return rules
