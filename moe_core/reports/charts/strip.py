"""Values as dots along one axis, those that would cover each other stacked, and one of them marked."""

from collections import Counter
from math import isfinite

from moe_core.figures.axis import Axis
from moe_core.figures.colour.colours import REFERENCE, WHAT_IF
from moe_core.figures.curves import Style
from moe_core.figures.strip import StripFigure
from moe_core.reports.svg.legend import Entry, legend
from moe_core.reports.svg.markers import marker
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet

_RADIUS, _HIGHEST, _SPACING, _MARGIN = 0.27, 8.0, 4.5, 1.0


def draw(figure: StripFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    axis = Axis(*figure.ends, sheet.em(_MARGIN), sheet.width - sheet.em(_MARGIN))
    head = legend(_entries(figure, sheet), sheet, 0.0, sheet.width, 0.0)
    floor = head.height + sheet.em(_HIGHEST)
    parts = [
        *head.parts,
        *_axis(figure, sheet, axis, head.height, floor),
        *_dots(sorted(figure.known), sheet, axis, floor),
    ]
    if isfinite(figure.marked):
        x, top = axis(figure.marked), head.height + sheet.em(0.6)
        line = element("path", d=f"M{x:.2f},{top:.2f}V{floor:.2f}", **sheet.pen(WHAT_IF, Style()))
        parts += [line, marker(sheet, "diamond", x, floor - sheet.em(0.5), WHAT_IF)]
    unit = sheet.lines((axis.start + axis.stop) / 2, floor + sheet.em(1.65), figure.unit, "middle")
    return Drawing([*parts, *unit.parts], floor + sheet.em(1.75) + unit.height)


def _entries(figure: StripFigure, sheet: Sheet) -> list[Entry]:
    def sample(colour: str, x: float, y: float) -> list[Markup]:
        return [marker(sheet, "diamond" if colour == WHAT_IF else "circle", x + sheet.em(0.5), y, colour)]

    marked = [Entry(figure.mark_text, lambda x, end, y: sample(WHAT_IF, x, y), 1.0)] if isfinite(figure.marked) else []
    return [*marked, Entry(f"{figure.others} ({len(figure.known):,})", lambda x, end, y: sample(REFERENCE, x, y), 1.0)]


def _axis(figure: StripFigure, sheet: Sheet, axis: Axis, top: float, floor: float) -> list[Markup]:
    parts = [
        sheet.line(f"M{axis(0):.2f},{top + sheet.em(0.4):.2f}V{floor:.2f}", "reference"),
        sheet.line(f"M{axis.start:.2f},{floor:.2f}H{axis.stop:.2f}", "axis"),
    ]
    for value, label in axis.ticks(sheet.em(_SPACING)):
        parts.append(sheet.line(f"M{axis(value):.2f},{floor:.2f}v{sheet.em(0.3):.2f}", "axis"))
        parts.append(sheet.text(axis(value), floor + sheet.em(1.35), label, "middle"))
    return parts


def _dots(values: list[float], sheet: Sheet, axis: Axis, floor: float) -> list[Markup]:
    """Dots that would cover each other stand above each other, closer where there are too many."""
    radius = sheet.em(_RADIUS)
    columns = [round((axis(value) - axis.start) / (2 * radius)) for value in values]
    highest = max(Counter(columns).values(), default=1)
    step = min(2.1 * radius, sheet.em(_HIGHEST - 1) / highest)
    stacked: Counter[int] = Counter()
    parts = []
    for value, column in zip(values, columns, strict=True):
        parts.append(marker(sheet, "circle", axis(value), floor - 1.3 * radius - stacked[column] * step, REFERENCE))
        stacked[column] += 1
    return parts
