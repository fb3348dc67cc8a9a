"""Points in two dimensions, in groups; a few of them with their names."""

from functools import partial
from math import isfinite

from moe_core.figures.scatter import ScatterFigure, ScatterGroup
from moe_core.reports.svg.axes import framed
from moe_core.reports.svg.legend import Entry
from moe_core.reports.svg.markers import marker
from moe_core.reports.svg.markup import Markup
from moe_core.reports.svg.sheet import Drawing, Sheet


def draw(figure: ScatterFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    named = [group for group in figure.groups if group.name]
    entries = [Entry(group.name, partial(_sample, sheet, group)) for group in named]
    frame = framed(sheet, (figure.x_title, figure.y_title), figure.ranges(), None, entries)
    parts = list(frame.behind)
    for group in figure.groups:
        for (x, y), text in zip(group.points.tolist(), group.texts, strict=True):
            if isfinite(x) and isfinite(y):
                parts.append(marker(sheet, group.marker, frame.x(x), frame.y(y), group.colour, text))
                if figure.labelled:
                    parts.append(sheet.text(frame.x(x) + sheet.em(0.4), frame.y(y) - sheet.em(0.2), text, role="quiet"))
    return Drawing(parts, frame.bottom)


def _sample(sheet: Sheet, group: ScatterGroup, left: float, right: float, y: float) -> list[Markup]:
    return [marker(sheet, group.marker, (left + right) / 2, y, group.colour)]
