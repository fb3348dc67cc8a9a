"""The layer x expert heat map: cells with their marks, bars of the marginals, the colour bar and the keys below.

Axes: L layers, E experts.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moe_core.figures.colour_maps import luminance
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.reports.charts.colour_bar import colour_bar
from moe_core.reports.charts.grid import Grid, marginals, outline, slanted
from moe_core.reports.svg.axes import label_step
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import LINE, Drawing, Sheet
from moe_core.reports.svg.text_width import text_width

_LOWEST, _HIGHEST, _WIDEST = 0.55, 1.75, 3.65
"""Text sizes: few experts make a narrow map rather than wide bars, many layers one that is still to be read."""
_SIDE, _FOOT = 4.0, 2.2
_HATCH = 0.5
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
