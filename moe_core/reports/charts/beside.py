"""Heat maps beside each other: two in a row where there are several, each below its name."""

from dataclasses import replace

from moe_core.figures.beside import BesideFigure
from moe_core.reports.charts import heat_map
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet

_GAP = 1.6
_LEAST_FOR_TWO = 44.0
"""Text sizes; on a narrower sheet maps stand below each other."""


def draw(figure: BesideFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    n_columns = min(len(figure.maps), 2 if sheet.width >= sheet.em(_LEAST_FOR_TWO) else 1)
    width = (sheet.width - sheet.em(_GAP) * (n_columns - 1)) / max(n_columns, 1)
    narrow, parts, top = replace(sheet, width=width), list[Markup](), 0.0
    for start in range(0, len(figure.maps), max(n_columns, 1)):
        row = slice(start, start + n_columns)
        drawn = [
            _named(narrow, name, heat_map.draw(each, narrow))
            for name, each in zip(figure.names[row], figure.maps[row], strict=True)
        ]
        for at, each in enumerate(drawn):
            place = f"translate({at * (width + sheet.em(_GAP)):.2f} {top:.2f})"
            parts.append(element("g", each.parts, transform=place))
        top += max(each.height for each in drawn) + sheet.em(_GAP)
    return Drawing(parts, max(top - sheet.em(_GAP), 0.0))


def _named(sheet: Sheet, name: str, drawn: Drawing) -> Drawing:
    head = sheet.lines(0.0, 0.0, name, role="text")
    moved = element("g", drawn.parts, transform=f"translate(0 {head.height:.2f})")
    return Drawing([*head.parts, moved], head.height + drawn.height)
