"""Rows below each other on one axis: a bar, or a dot with its interval; names at the left, numbers right."""

from math import isfinite

from moe_core.figures.axis import Axis, round_ticks
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.colour.colours import BASELINE
from moe_core.reports.svg.axes import reference_entry
from moe_core.reports.svg.legend import legend
from moe_core.reports.svg.markers import marker
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet
from moe_core.reports.svg.text_width import elided, text_width

_ROW, _GAP, _BAR, _SPACING = 1.65, 0.9, 0.62, 4.5
_LONGEST_NAME = 0.4
"""Share of the width that names get at most."""
_LEAST = 11.0
"""Text sizes that are left for the bars where the width allows it."""


def draw(figure: BarFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet, one line a row; without rows it says so."""
    if not figure.rows:
        return Drawing([sheet.text(0.0, sheet.em(1), "nothing to show", role="quiet")], sheet.em(1.4))
    axis, texts, ns = _columns(figure, sheet)
    entries = [reference_entry(sheet, each, (axis.low, axis.high)) for each in figure.references]
    head = legend(entries, sheet, 0.0, sheet.width, 0.0)
    parts = list(head.parts)
    top = head.height + sheet.em(0.4)
    if figure.n_title:
        parts.append(sheet.text(ns, top + sheet.em(0.9), figure.n_title, "end", "quiet"))
        top += sheet.em(_ROW)
    bottom = top + sheet.em(_ROW) * len(figure.rows)
    parts += _frame(figure, sheet, axis, top, bottom)
    unit = sheet.lines((axis.start + axis.stop) / 2, bottom + sheet.em(1.5), figure.unit, "middle")
    parts += unit.parts
    for number, row in enumerate(figure.rows):
        y = top + sheet.em(_ROW) * (number + 0.5)
        parts += [*_words(row, sheet, axis, texts, ns, y), *_mark(row, figure, sheet, axis, y)]
    return Drawing(parts, bottom + sheet.em(1.5) + unit.height)


def _columns(figure: BarFigure, sheet: Sheet) -> tuple[Axis, float, float]:
    """The axis between names and numbers, and where the two columns of numbers end."""
    widths = [
        max((text_width(text, sheet.text_size) for text in column if text), default=-sheet.em(_GAP))
        for column in (
            [f"{row.sign} {row.label}" for row in figure.rows],
            [row.text for row in figure.rows],
            [figure.n_title, *(row.n for row in figure.rows)],
        )
    ]
    ns = sheet.width - sheet.em(0.2)
    texts = ns - widths[2] - sheet.em(_GAP)
    right = texts - widths[1] - sheet.em(_GAP)
    left = min(widths[0], _LONGEST_NAME * sheet.width, right - sheet.em(_LEAST)) + sheet.em(_GAP)
    return Axis(figure.lowest, figure.end, left, right), texts, ns


def _frame(figure: BarFigure, sheet: Sheet, axis: Axis, top: float, bottom: float) -> list[Markup]:
    """Grid, ticks, and the lines that all rows share."""
    parts = []
    about = max(1.0, (axis.stop - axis.start) / sheet.em(_SPACING))
    for value, _ in round_ticks(axis.low, axis.high, about):
        parts.append(sheet.line(f"M{axis(value):.2f},{top:.2f}V{bottom:.2f}", "grid"))
        label = figure.format_value(value)
        parts.append(sheet.text(axis(value), bottom + sheet.em(1.2), label, "middle"))
    for reference in figure.references:
        if axis.low <= reference.value <= axis.high:
            parts.append(sheet.line(f"M{axis(reference.value):.2f},{top:.2f}V{bottom:.2f}", "reference"))
    return parts


def _words(row: BarRow, sheet: Sheet, axis: Axis, texts: float, ns: float, y: float) -> list[Markup]:
    """Name, value and n; a name that is cut is whole on hover."""
    line, end = sheet.middle(y), axis.start - sheet.em(_GAP)
    sign = [element("tspan", row.sign, **sheet.fill(row.sign_colour))] if row.sign else []
    room = end - (text_width(f"{row.sign} ", sheet.text_size) if sign else 0.0) + 0.01  # sums of floats
    name = elided(row.label, room, sheet.text_size)
    words = [*sheet.tip(row.label), *sign, " " * len(sign), name]
    parts = [element("text", words, x=end, y=line, text_anchor="end", **sheet.ink("text"))]
    parts.append(sheet.text(texts, line, row.text, "end"))
    return [*parts, sheet.text(ns, line, row.n, "end", "quiet")] if row.n else parts


def _mark(row: BarRow, figure: BarFigure, sheet: Sheet, axis: Axis, y: float) -> list[Markup]:
    """The bar or the dot of a row, its interval, and what it is to be compared with."""
    parts, colour, half = [], row.colour or BASELINE, sheet.em(_BAR / 2)
    opacity = 0.25 if row.is_faded else 0.75
    if isfinite(row.value) and not figure.is_dots:
        start, stop = sorted((axis.clipped(figure.base), axis.clipped(row.value)))
        box = {"x": start, "y": y - half, "width": stop - start, "height": 2 * half}
        parts.append(element("rect", sheet.tip(row.in_words()), **box, **sheet.fill(colour), fill_opacity=opacity))
    if isfinite(row.lower) and isfinite(row.upper):
        path = f"M{axis.clipped(row.lower):.2f},{y:.2f}H{axis.clipped(row.upper):.2f}"
        parts.append(element("path", d=path, **sheet.stroke(colour if figure.is_dots else "", 1.5)))
    if isfinite(row.value) and figure.is_dots:
        parts.append(marker(sheet, "circle", axis.clipped(row.value), y, colour, row.in_words()))
    if isfinite(row.reference):
        path = f"M{axis.clipped(row.reference):.2f},{y - 1.4 * half:.2f}v{2.8 * half:.2f}"
        parts.append(sheet.line(path, "mark"))
    return parts
