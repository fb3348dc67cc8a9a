"""Draws the cells of a heat map shape by shape: for files of vectors, and what lies over the pixels of heat_map_pixels.

Axes: L layers, E experts.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QPalette, QPen

from app.widgets.plots.blank_colour import blank_rgb
from app.widgets.plots.grid_layout import GridLayout
from moe_core.figures.colour_maps import luminance
from moe_core.figures.heat_map import BoolArray, HeatMapFigure

RgbArray = NDArray[np.uint8]

_LEAST_WITH_LINES = 7.0
"""Cells smaller than this many pixels stand without lines between them."""
HATCH_STEP = 6.0
"""Distance of the lines of a hatch, in pixels along an edge."""
_LIGHT_INK, _DARK_INK = QColor(255, 255, 255, 205), QColor(0, 0, 0, 175)
_THIN_BELOW = 9.0
"""Cells smaller than this get a thinner outline, which would else cover them."""


def is_vector(painter: QPainter) -> bool:
    """Whether what is drawn goes to a file of shapes rather than of pixels."""
    return painter.paintEngine().type() == QPaintEngine.Type.SVG


def draw_all(painter: QPainter, data: HeatMapFigure, layout: GridLayout, palette: QPalette) -> None:
    """The cells one by one, and all marks that stand on them whoever looks."""
    rgb = data.rgb(blank_rgb(palette))
    for layer, row in enumerate(rgb.tolist()):
        for expert, colour in enumerate(row):
            painter.fillRect(layout.cell_rectangle(layer, expert), QColor(*colour))
    draw_lines_between(painter, layout, palette.color(QPalette.ColorRole.Base))
    draw_dots(painter, data, rgb, layout)
    draw_hatches(painter, data, rgb, layout)


def draw_lines_between(painter: QPainter, layout: GridLayout, ground: QColor) -> None:
    """Hairlines between the cells, where these are large enough to spare the room."""
    cells, width = layout.cells, 1.0
    if has_lines(layout.cell_size.width()):
        for x in layout.columns[1:-1].tolist():
            painter.fillRect(QRectF(x, cells.top(), width, cells.height()), ground)
    if has_lines(layout.cell_size.height()):
        for y in layout.rows[1:-1].tolist():
            painter.fillRect(QRectF(cells.left(), y, cells.width(), width), ground)


def has_lines(cell: float) -> bool:
    """Whether cells of this size, in pixels, stand apart."""
    return cell >= _LEAST_WITH_LINES


def draw_dots(painter: QPainter, data: HeatMapFigure, rgb: RgbArray, layout: GridLayout) -> None:
    """A small dot in the middle of each cell that is never used."""
    radius = dot_diameter(layout) / 2
    painter.setPen(Qt.PenStyle.NoPen)
    for ink, cells in by_ink(data.is_never_used, rgb):
        painter.setBrush(ink)
        for layer, expert in np.argwhere(cells).tolist():
            painter.drawEllipse(layout.cell_rectangle(layer, expert).center(), radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def dot_diameter(layout: GridLayout) -> float:
    """Size of the dots, in pixels: they grow with the cells, but stay small."""
    smaller = min(layout.cell_size.width(), layout.cell_size.height())
    return min(max(smaller * 0.3, 1.5), 4.5)


def draw_hatches(painter: QPainter, data: HeatMapFigure, rgb: RgbArray, layout: GridLayout) -> None:
    """Slanted lines through each masked cell, going on from one to the next."""
    if data.hatched is None:
        return
    for ink, cells in by_ink(data.hatched, rgb):
        lines = [
            line
            for layer, expert in np.argwhere(cells).tolist()
            for line in slanted_lines(layout.cell_rectangle(layer, expert))
        ]
        if lines:
            painter.setPen(QPen(ink, 1.2))
            painter.drawLines(lines)


def slanted_lines(cell: QRectF) -> list[QLineF]:
    """Pieces within the cell of the lines x + y = a multiple of the step."""
    left, top, right, bottom = cell.left(), cell.top(), cell.right(), cell.bottom()
    sums = np.arange(np.ceil((left + top) / HATCH_STEP), np.ceil((right + bottom) / HATCH_STEP)) * HATCH_STEP
    return [
        QLineF(max(left, total - bottom), min(bottom, total - left), min(right, total - top), max(top, total - right))
        for total in sums.tolist()
    ]


def draw_outline(painter: QPainter, selected: BoolArray, layout: GridLayout, palette: QPalette) -> None:
    """The accent's line around the selected cells, those that touch taken together, kept apart from the map's hues."""
    lines = outline(selected, layout)
    if not lines:
        return
    thin = 1.0 if min(layout.cell_size.width(), layout.cell_size.height()) < _THIN_BELOW else 2.0
    for colour, width in ((QPalette.ColorRole.Base, thin + 2), (QPalette.ColorRole.Accent, thin)):
        painter.setPen(QPen(palette.color(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
        painter.drawLines(lines)


def outline(selected: BoolArray, layout: GridLayout) -> list[QLineF]:
    """The edges between selected cells and others, runs of them as one line each."""
    padded = np.pad(selected, 1)
    rows, columns = layout.rows.tolist(), layout.columns.tolist()
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]  # [L + 1, E]
    along = padded[1:-1, 1:] != padded[1:-1, :-1]  # [L, E + 1]
    lines = [QLineF(columns[start], rows[row], columns[stop], rows[row]) for row, start, stop in _runs(across)]
    lines += [QLineF(columns[col], rows[start], columns[col], rows[stop]) for col, start, stop in _runs(along.T)]
    return lines


def _runs(marks: BoolArray) -> list[tuple[int, int, int]]:
    """Line, first and one past the last of each run of marks."""
    steps = np.diff(np.pad(marks, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(line, start, stop) for (line, start), (_, stop) in zip(starts.tolist(), stops.tolist(), strict=True)]


def by_ink(marked: BoolArray, rgb: RgbArray) -> list[tuple[QColor, BoolArray]]:
    """The marked cells, split by the ink that stands out on them."""
    is_dark = luminance(rgb) < 0.5
    return [(_LIGHT_INK, marked & is_dark), (_DARK_INK, marked & ~is_dark)]
