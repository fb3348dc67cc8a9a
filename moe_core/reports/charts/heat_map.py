"""The layer x expert heat map: cells with their marks, bars of the marginals, the colour bar and the keys below.

Axes: L layers, E experts.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moe_core.figures.colour.colour_maps import luminance
from moe_core.figures.colour.colour_scale import hex_colour
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.reports.charts.grid import Grid, marginals, outline, slanted
from moe_core.reports.svg.axes import label_step
from moe_core.reports.svg.legend import Entry, legend, widest
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import LINE, Drawing, Sheet
from moe_core.reports.svg.text_width import text_width

_LOWEST, _HIGHEST, _WIDEST = 0.55, 1.75, 3.65
"""Text sizes: few experts make a narrow map rather than wide bars, many layers one that is still to be read."""
_SIDE, _FOOT = 4.0, 2.2
_HATCH = 0.5
_WIDTH, _HEIGHT, _STEPS, _KEY = 21.0, 0.9, 64, 1.2
_PAPER = (255, 255, 255)
_INK = {True: "#ffffff", False: "#000000"}
"""What stands out on dark cells, and on light ones."""


def draw(figure: HeatMapFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet; cells stay near square up to 64 experts and flatten beyond."""
    grid = _grid(figure, sheet)
    parts = [*_heads(figure, sheet, grid), *_cells(figure, sheet, grid), *_hatches(figure, sheet, grid)]
    if figure.row_marginals.size:
        parts += marginals(figure, sheet, grid, (sheet.em(_SIDE), sheet.em(_FOOT)))
    if figure.note:
        middle = (grid.left + grid.right) / 2
        parts += sheet.lines(middle, (grid.top + grid.bottom) / 2 - sheet.em(1), figure.note, "middle", "text").parts
    if sheet.shows_selection and figure.selected:
        parts += outline(figure.selected, sheet, grid)
    foot = grid.bottom + sheet.em(_FOOT + 0.4 if figure.column_marginals.size else 0) + sheet.em(0.9)
    bar = colour_bar(figure, sheet, grid.left, foot)
    return Drawing([*parts, *bar.parts], foot + bar.height)


def _grid(figure: HeatMapFigure, sheet: Sheet) -> Grid:
    L, E = figure.values.shape
    heads = sheet.em(LINE + 0.25) + _widest(sheet, figure.row_names or (str(L - 1),))
    name = text_width(figure.marginal_name, sheet.text_size) if figure.column_marginals.size else 0.0
    left = max(heads, name) + sheet.em(0.45)
    right = sheet.em(_SIDE + 0.6) if figure.row_marginals.size else 0.0
    width = min((sheet.width - left - right) / max(E, 1), sheet.em(_WIDEST))
    height = min(max(width, sheet.em(_LOWEST)), sheet.em(_HIGHEST))
    gap = min(sheet.em(0.09), 0.12 * min(width, height))
    return Grid(left, sheet.em(2 * LINE + 0.2), width, height, L, E, gap)


def _widest(sheet: Sheet, names: Sequence[str]) -> float:
    return max(text_width(name, sheet.text_size) for name in names)


def _heads(figure: HeatMapFigure, sheet: Sheet, grid: Grid) -> list[Markup]:
    """Numbers of layers and experts as far as there is room, and what they are."""
    row_step = label_step(grid.height, sheet.em(1.1))
    widest = _widest(sheet, figure.column_names or (str(grid.n_experts),))
    column_step = label_step(grid.width, widest + sheet.em(0.7))
    beside, above = grid.left - sheet.em(0.45), grid.top - sheet.em(0.45)
    parts = [
        sheet.text(beside, sheet.middle(grid.top + (layer + 0.5) * grid.height), figure.row_name(layer), "end")
        for layer in range(0, grid.n_layers, row_step)
    ]
    parts += [
        sheet.text(grid.left + (expert + 0.5) * grid.width, above, figure.column_name(expert), "middle")
        for expert in range(0, grid.n_experts, column_step)
    ]
    x, y = (grid.left + grid.right) / 2, (grid.top + grid.bottom) / 2
    parts.append(sheet.text(x, sheet.em(0.95), figure.column_title, "middle", "quiet"))
    return [*parts, sheet.text(sheet.em(0.95), y, figure.row_title, "middle", "quiet", is_upright=True)]


def _cells(figure: HeatMapFigure, sheet: Sheet, grid: Grid) -> list[Markup]:
    """A rectangle for each cell in the colour of its value, with what is said of it, and its dot."""
    rgb = replace(figure, faded=None).rgb((0, 0, 0), _PAPER)
    is_dark, is_blank = luminance(rgb) < 0.5, figure.is_blank
    is_faded = np.zeros_like(is_blank) if figure.faded is None else figure.faded & ~is_blank
    parts = []
    for layer, expert in np.ndindex(figure.values.shape):
        at = layer, expert
        x, y, width, height = grid.box(layer, expert)
        look = sheet.ink("empty") if is_blank[at] else {"fill": f"#{bytes(rgb[at]).hex()}"}
        look = {**look, **sheet.ink("faded")} if is_faded[at] else look
        tip = sheet.tip(figure.describe(layer, expert)) if sheet.is_page else []
        parts.append(element("rect", tip, x=x, y=y, width=width, height=height, **look))
        if figure.is_never_used[at]:
            ink = sheet.ink("dot") if is_blank[at] or is_faded[at] else {"fill": _INK[bool(is_dark[at])]}
            size = min(max(0.15 * min(width, height), sheet.em(0.06)), sheet.em(0.14))
            parts.append(element("circle", cx=x + width / 2, cy=y + height / 2, r=size, **ink))
    return parts


def _hatches(figure: HeatMapFigure, sheet: Sheet, grid: Grid) -> list[Markup]:
    """Slanted lines through the hatched cells, one path for each ink that stands out on them."""
    if figure.hatched is None or not figure.hatched.any():
        return []
    rgb = figure.rgb((230, 234, 238), _PAPER)
    is_dark = luminance(rgb) < 0.5
    step = min(sheet.em(_HATCH), 0.9 * grid.width)
    parts = []
    for dark, ink in _INK.items():
        cells = np.argwhere(figure.hatched & (is_dark == dark)).tolist()
        path = "".join(slanted(*grid.box(layer, expert), step) for layer, expert in cells)
        if path:
            width = sheet.em(0.085)
            parts.append(element("path", d=path, stroke=ink, stroke_width=width, stroke_opacity=0.75))
    return parts


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
