"""The colour bar of a heat map: its title with the unit, round values, ends that say what lies beyond, and the keys."""

import numpy as np

from moe_core.figures.colour_scale import hex_colour
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.reports.charts.grid import slanted
from moe_core.reports.svg.legend import Entry, legend, widest
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet
from moe_core.reports.svg.text_width import text_width

_WIDTH, _HEIGHT, _STEPS, _KEY = 21.0, 0.9, 64, 1.2


def colour_bar(figure: HeatMapFigure, sheet: Sheet, left: float, top: float) -> Drawing:
    """The bar with what stands at it; the keys to its right, or below it where there is too little room."""
    right = sheet.width - sheet.em(0.3)
    width = min(sheet.em(_WIDTH), 0.9 * (right - left))
    title = sheet.lines(left, top - sheet.em(0.05), figure.value_title)
    bar = top + title.height + (sheet.em(0.4) if figure.value_title else 0.0)
    parts = [*title.parts, *_steps(figure, sheet, left, bar, width), *_ticks(figure, sheet, left, bar, width)]
    bottom = bar + sheet.em(_HEIGHT + 1.6)
    beside = left + width + sheet.em(2.5)
    keys = _keys(figure, sheet)
    if beside + widest(keys, sheet) <= right:
        found = legend(keys, sheet, beside, right, bar - sheet.em(0.3))
        return Drawing([*parts, *found.parts], max(bottom, bar + found.height) - top)
    found = legend(keys, sheet, left, right, bottom + sheet.em(0.2))
    return Drawing([*parts, *found.parts], bottom + sheet.em(0.2) + found.height - top)


def _steps(figure: HeatMapFigure, sheet: Sheet, left: float, top: float, width: float) -> list[Markup]:
    """The colours one beside the other, with a pointed end where values lie beyond it."""
    step, height, name = width / _STEPS, sheet.em(_HEIGHT), figure.scale.map_name
    parts = [
        element(
            "rect",
            x=left + at * step,
            y=top,
            width=step * (1.3 if at < _STEPS - 1 else 1),  # else the ground would shine through between them
            height=height,
            fill=hex_colour(name, at / (_STEPS - 1)),
        )
        for at in range(_STEPS)
    ]
    for is_there, at, end, towards in (
        (np.nanmin(figure.values, initial=np.inf) < figure.scale.low, 0.0, left, -1),
        (np.nanmax(figure.values, initial=-np.inf) > figure.scale.high, 1.0, left + width, 1),
    ):
        if is_there:
            tip = end + towards * height * 0.7
            corners = f"{end:.2f},{top:.2f} {tip:.2f},{top + height / 2:.2f} {end:.2f},{top + height:.2f}"
            parts.append(element("polygon", points=corners, fill=hex_colour(name, at)))
    return parts


def _ticks(figure: HeatMapFigure, sheet: Sheet, left: float, top: float, width: float) -> list[Markup]:
    """Round values below the bar as far as they stand apart, and the mark across it."""
    scale, foot, parts, free = figure.scale, top + sheet.em(_HEIGHT), [], -np.inf
    for value in scale.ticks(5):
        if not scale.low <= value <= scale.high:
            continue
        x, label = left + float(scale.places(np.array(value))) * width, figure.format_value(value)
        half = text_width(label, sheet.text_size) / 2
        if x - half < free:
            continue
        free = x + half + sheet.em(0.5)
        parts.append(sheet.line(f"M{x:.2f},{foot:.2f}v{sheet.em(0.25):.2f}", "axis"))
        parts.append(sheet.text(x, foot + sheet.em(1.25), label, "middle"))
    if figure.mark is not None:
        x = left + float(scale.places(np.array(figure.mark.value))) * width
        parts.append(sheet.line(f"M{x:.2f},{foot:.2f}v{-sheet.em(_HEIGHT + 0.25):.2f}", "mark"))
    return parts


def _keys(figure: HeatMapFigure, sheet: Sheet) -> list[Entry]:
    """What blank, dotted and hatched cells mean, with how many there are, for the kinds that occur; and the mark."""
    side = sheet.em(_KEY)

    def square(x: float, y: float) -> Markup:
        return sheet.box(x, y - side / 2, side, side, "empty")

    def dotted(x: float, end: float, y: float) -> list[Markup]:
        return [square(x, y), element("circle", cx=x + side / 2, cy=y, r=sheet.em(0.14), **sheet.ink("dot"))]

    def hatched(x: float, end: float, y: float) -> list[Markup]:
        lines = slanted(x, y - side / 2, side, side, sheet.em(0.5))
        return [square(x, y), sheet.line(lines, "mark")]

    def pointed(x: float, end: float, y: float) -> list[Markup]:
        return [sheet.line(f"M{(x + end) / 2:.2f},{y - sheet.em(0.5):.2f}v{sheet.em(1):.2f}", "mark")]

    def framed(x: float, end: float, y: float) -> list[Markup]:
        return [sheet.line(f"M{x:.2f},{y - side / 2:.2f}h{side:.2f}v{side:.2f}h{-side:.2f}z", "axis")]

    samples = {"fade": framed, "dot": dotted, "blank": lambda x, end, y: [square(x, y)], "hatch": hatched}
    entries = [Entry(words, samples[mark], _KEY) for mark, words in figure.keys]
    return entries + ([Entry(figure.mark.label, pointed, _KEY)] if figure.mark is not None else [])
