"""A figure as SVG, by one code path: inside a page, whose style sheet colours it, or alone, as it goes into a paper."""

from collections.abc import Callable
from typing import Any

from moe_core.figures.bars import BarFigure
from moe_core.figures.beside import BesideFigure
from moe_core.figures.columns import ColumnFigure
from moe_core.figures.curves import CurveFigure
from moe_core.figures.gates import GateFigure
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.points import PointFigure
from moe_core.figures.scatter import ScatterFigure
from moe_core.figures.strip import StripFigure
from moe_core.figures.table import FigureTable
from moe_core.figures.tokens import TokenFigure
from moe_core.reports.charts import (
    bars,
    beside,
    columns,
    curves,
    gates,
    heat_map,
    points,
    scatter,
    strip,
    table,
    tokens,
)
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import SANS, Drawing, Sheet

Plotted = (
    HeatMapFigure | CurveFigure | PointFigure | BarFigure | ColumnFigure | StripFigure | ScatterFigure | BesideFigure
)
AnyFigure = Plotted | GateFigure | TokenFigure | FigureTable

PAGE_WIDTH, PAGE_TEXT = 1120.0, 11.5
_HALF = 0.48
MM = 72 / 25.4
"""Points in a millimetre: on paper the unit of a drawing is the point, so that text is as large as it says."""
_MARGIN, _APART = 0.5, 0.3

_CHARTS: tuple[tuple[type, Callable[[Any, Sheet], Drawing]], ...] = (
    (HeatMapFigure, heat_map.draw),
    (BesideFigure, beside.draw),
    (CurveFigure, curves.draw),
    (PointFigure, points.draw),
    (BarFigure, bars.draw),
    (ColumnFigure, columns.draw),
    (StripFigure, strip.draw),
    (ScatterFigure, scatter.draw),
    (GateFigure, gates.draw),
    (TokenFigure, tokens.draw),
    (FigureTable, table.draw),
)


def inline_svg(figure: Plotted, *, is_half: bool = False) -> Markup:
    """The figure for a page: 1,120 units wide, colours of the page's style sheet, exact values on hover.

    `is_half`: half as wide, with text of the same size, to stand beside another one.
    """
    width = PAGE_WIDTH * (_HALF if is_half else 1.0)
    sheet = Sheet(width, PAGE_TEXT, is_page=True)
    drawn = draw(figure, sheet)
    return element(
        "svg",
        element("title", figure.title),
        drawn.parts,
        viewBox=f"0 0 {width:g} {drawn.height:.1f}",
        font_size=PAGE_TEXT,
        role="img",
        class_="chart half" if is_half else "chart",
    )


def standalone_svg(
    figure: AnyFigure,
    *,
    width_mm: float = 180.0,
    text_pt: float = 8.0,
    title: str = "",
    caption: str = "",
    ground: str = "#ffffff",
    with_selection: bool = False,
) -> str:
    """A whole SVG file so many millimetres wide, with text of `text_pt` points whatever the width is.

    `title` stands above and `caption` below the figure, where they are given. Without `ground` it is transparent.
    """
    sheet = Sheet(width_mm * MM - 2 * _MARGIN * text_pt, text_pt, is_page=False, shows_selection=with_selection)
    drawn, margin = draw(figure, sheet), sheet.em(_MARGIN)
    above = sheet.lines(0.0, 0.0, title, role="title")
    top = above.height + (sheet.em(_APART) if title else 0.0)
    below = sheet.lines(0.0, top + drawn.height + sheet.em(_APART), caption)
    whole = top + drawn.height + below.height + (sheet.em(2 * _APART) if caption else 0.0)
    width, height = width_mm * MM, whole + 2 * margin
    paper = [element("rect", width=width, height=height, fill=ground)] if ground else []
    moved = element("g", drawn.parts, transform=f"translate(0 {top:.2f})")
    content = element("g", above.parts, moved, below.parts, transform=f"translate({margin:.2f} {margin:.2f})")
    root = element(
        "svg",
        element("title", title),
        paper,
        content,
        xmlns="http://www.w3.org/2000/svg",
        width=f"{width_mm:g}mm",
        height=f"{height / MM:.2f}mm",
        viewBox=f"0 0 {width:.2f} {height:.2f}",
        font_family=SANS,
        font_size=text_pt,
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'


def draw(figure: AnyFigure, sheet: Sheet) -> Drawing:
    """The figure by the chart that draws its kind."""
    return next(chart for kind, chart in _CHARTS if isinstance(figure, kind))(figure, sheet)
