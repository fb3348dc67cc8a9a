"""Draws what stands on the cells of a heat map beside their colours: lines between them, hatches, outlines, a note.

Axes: L layers, E experts.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPalette, QPen

from app.widgets.plots.grid.grid_layout import GridLayout
from moe_core.figures.colour.colour_maps import luminance
from moe_core.figures.heat_map import BoolArray

_LEAST_WITH_LINES = 7.0
"""Cells smaller than this many pixels stand without lines between them."""
_THIN_BELOW = 9.0
"""Cells smaller than this get a thinner outline, which would else cover them."""
_DOTS_FADE = (3.0, 8.0)
"""Size of the cells in pixels at which dots are not seen yet, and from which on they are seen in full."""
_HATCH_STEP = 6
_LIGHT_INK, _DARK_INK = QColor(255, 255, 255, 205), QColor(0, 0, 0, 175)
_LIGHT_FRAME, _DARK_FRAME = QColor(255, 255, 255), QColor(0, 0, 0)
INKS = (_LIGHT_INK, _DARK_INK)


def by_ink(marked: BoolArray, rgb: NDArray[np.uint8]) -> tuple[BoolArray, BoolArray]:
    """The marked cells [L, E] of these colours [L, E, 3] on which each of INKS stands out."""
    is_dark = luminance(rgb) < 0.5
    return marked & is_dark, marked & ~is_dark


def dot_look(width: float, height: float) -> tuple[float, float]:
    """Diameter of the dots in cells of so many pixels, and how opaque they are: they grow, but stay small."""
    smaller, (none, full) = min(width, height), _DOTS_FADE
    return min(max(round(smaller * 0.6) / 2, 1.5), 4.5), min(max((smaller - none) / (full - none), 0.0), 1.0)


def draw_lines_between(painter: QPainter, layout: GridLayout, ground: QColor) -> None:
    """Hairlines between the cells, where these are large enough to spare the room."""
    area = layout.area
    if layout.cell_size.width() >= _LEAST_WITH_LINES:
        for x in layout.columns[1:-1].tolist():
            painter.fillRect(QRectF(x, area.top(), 1, area.height()), ground)
    if layout.cell_size.height() >= _LEAST_WITH_LINES:
        for y in layout.rows[1:-1].tolist():
            painter.fillRect(QRectF(area.left(), y, area.width(), 1), ground)


def draw_hatches(painter: QPainter, layout: GridLayout, hatched: BoolArray, rgb: NDArray[np.uint8]) -> None:
    """Slanted lines through each hatched cell, going on from one to the next; a frame, where a cell is too small for
    them.
    """
    rows, columns = layout.rows.tolist(), layout.columns.tolist()
    painter.setPen(Qt.PenStyle.NoPen)
    for ink, cells in zip(INKS, by_ink(hatched, rgb), strict=True):
        painter.setBrush(hatch(ink, painter.device().devicePixelRatioF()))
        runs = [(columns[start], rows[row], columns[stop], rows[row + 1]) for row, start, stop in _runs(cells)]
        painter.drawRects([QRectF(left, top, right - left, bottom - top) for left, top, right, bottom in runs])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if min(layout.cell_size.width(), layout.cell_size.height()) < _HATCH_STEP:
        _draw_lines(painter, _outline(layout, hatched), QPen(_LIGHT_FRAME, 3), QPen(_DARK_FRAME, 1))


def hatch(ink: QColor, pixel_ratio: float) -> QBrush:
    """Slanted lines in a colour, a quarter of the ground inked."""
    size = round(_HATCH_STEP * pixel_ratio)
    is_inked = np.add.outer(np.arange(size), np.arange(size)) % size < size / 4
    pixels = np.where(is_inked, ink.rgba(), 0).astype(np.uint32)
    tile = QImage(pixels.data, size, size, 4 * size, QImage.Format.Format_ARGB32).copy()
    tile.setDevicePixelRatio(pixel_ratio)
    return QBrush(tile)


def draw_outline(painter: QPainter, layout: GridLayout, selected: BoolArray, palette: QPalette) -> None:
    """The accent's line around the selected cells, those that touch taken together, kept apart from the map's hues."""
    thin = 1.0 if min(layout.cell_size.width(), layout.cell_size.height()) < _THIN_BELOW else 2.0
    base, accent = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Accent)
    _draw_lines(painter, _outline(layout, selected), QPen(base, thin + 2), QPen(accent, thin))


def _draw_lines(painter: QPainter, lines: list[QLineF], *pens: QPen) -> None:
    for pen in pens:
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        painter.setPen(pen)
        painter.drawLines(lines)


def draw_frame(painter: QPainter, box: QRectF, *pens: QPen) -> None:
    """A rectangle drawn with one pen over the other."""
    for pen in pens:
        painter.setPen(pen)
        painter.drawRect(box)


def draw_note(painter: QPainter, area: QRectF, note: str, palette: QPalette) -> None:
    """A sentence in the middle of the cells."""
    flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
    box = painter.boundingRect(area.adjusted(32, 8, -32, -8), flags, note)
    painter.fillRect(box.adjusted(-12, -8, 12, 8), palette.color(QPalette.ColorRole.Base))
    painter.setPen(palette.color(QPalette.ColorRole.Text))
    painter.drawText(box, flags, note)


def _outline(layout: GridLayout, selected: BoolArray) -> list[QLineF]:
    """The edges between selected cells and others, runs of them as one line each."""
    padded = np.pad(selected, 1)
    rows, columns = layout.rows.tolist(), layout.columns.tolist()
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]  # [L + 1, E]
    along = padded[1:-1, 1:] != padded[1:-1, :-1]  # [L, E + 1]
    lines = [QLineF(columns[start], rows[row], columns[stop], rows[row]) for row, start, stop in _runs(across)]
    return lines + [QLineF(columns[col], rows[start], columns[col], rows[stop]) for col, start, stop in _runs(along.T)]


def _runs(marks: BoolArray) -> list[tuple[int, int, int]]:
    """Line, first and one past the last of each run of marks."""
    steps = np.diff(np.pad(marks, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(line, start, stop) for (line, start), (_, stop) in zip(starts.tolist(), stops.tolist(), strict=True)]
