"""The cells of a heat map with their marks as pixels: made once for each set of values, quicker than shape by shape.

Axes: L layers, E experts, H by W pixels of the screen; X marked cells, S by S pixels around a dot.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPalette

from app.widgets.plots.blank_colour import blank_rgb
from app.widgets.plots.grid_layout import GridLayout
from app.widgets.plots.heat_map_cells import HATCH_STEP, by_ink, dot_diameter, has_lines
from moe_core.figures.heat_map import BoolArray, HeatMapFigure

Words = NDArray[np.uint32]
Edges = NDArray[np.intp]


@dataclass(frozen=True)
class CellImage:
    """An image of the cells, and what it was made for."""

    image: QImage
    data: HeatMapFigure
    layout: GridLayout
    palette_key: int

    def is_of(self, data: HeatMapFigure, layout: GridLayout, palette: QPalette, pixel_ratio: float) -> bool:
        """Whether it shows these very values in this very layout, these colours and as finely."""
        is_same = self.data is data and self.layout is layout and self.palette_key == palette.cacheKey()
        return is_same and self.image.devicePixelRatio() == pixel_ratio


def cell_image(data: HeatMapFigure, layout: GridLayout, palette: QPalette, pixel_ratio: float) -> CellImage:
    """The cells, pixel by pixel: scaling a small image would let edges fall between pixels."""
    rgb = data.rgb(blank_rgb(palette))
    y = np.rint((layout.rows - layout.rows[0]) * pixel_ratio).astype(np.intp)  # [L + 1]
    x = np.rint((layout.columns - layout.columns[0]) * pixel_ratio).astype(np.intp)  # [E + 1]
    words = np.ascontiguousarray(_words(rgb).repeat(np.diff(y), axis=0).repeat(np.diff(x), axis=1))  # [H, W]
    _draw_lines_between(words, y, x, layout, palette.color(QPalette.ColorRole.Base), round(pixel_ratio))
    for ink, cells in by_ink(data.is_never_used, rgb):
        _stamp_dots(words, cells, rgb, (y, x), dot_diameter(layout) * pixel_ratio, ink)
    for ink, cells in [] if data.hatched is None else by_ink(data.hatched, rgb):
        _hatch(words, cells, _blended(rgb, ink, ink.alphaF()), (y, x), HATCH_STEP * pixel_ratio)
    height, width = words.shape
    image = QImage(words.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
    image.setDevicePixelRatio(pixel_ratio)
    return CellImage(image, data, layout, palette.cacheKey())


def _words(rgb: NDArray[np.uint8]) -> Words:
    """Colours [.., 3] as Qt stores them, four bytes as one word."""
    red, green, blue = (rgb[..., channel].astype(np.uint32) for channel in range(3))
    return np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue


def _blended(rgb: NDArray[np.uint8], ink: QColor, cover: NDArray[np.float64] | float) -> Words:
    """Colours [.., 3] with an ink laid over them, `cover` [..] of it, as words."""
    share = np.asarray(cover)[..., None]
    return _words(np.rint(rgb * (1 - share) + np.array([ink.red(), ink.green(), ink.blue()]) * share))


def _draw_lines_between(words: Words, y: Edges, x: Edges, layout: GridLayout, ground: QColor, width: int) -> None:
    for step in range(width):
        if has_lines(layout.cell_size.width()):
            words[:, x[1:-1] + step] = ground.rgb()
        if has_lines(layout.cell_size.height()):
            words[y[1:-1] + step] = ground.rgb()


def _stamp_dots(
    words: Words, cells: BoolArray, rgb: NDArray[np.uint8], edges: tuple[Edges, Edges], diameter: float, ink: QColor
) -> None:
    """A round dot on the pixel in the middle of each marked cell, its rim smoothed."""
    layers, experts = np.nonzero(cells)
    reach = int(diameter / 2 + 0.5)
    around = np.arange(-reach, reach + 1)  # [S]
    cover = np.clip(diameter / 2 + 0.5 - np.hypot(around[:, None], around), 0, 1) * ink.alphaF()  # [S, S]
    rows, columns = (
        (edge[:-1] + edge[1:])[at, None] // 2 + around for edge, at in zip(edges, (layers, experts), strict=True)
    )
    inside = np.clip(rows, 0, words.shape[0] - 1)[:, :, None], np.clip(columns, 0, words.shape[1] - 1)[:, None, :]
    words[inside] = _blended(rgb[layers, experts][:, None, None], ink, cover)  # [X, S, S]


def _hatch(words: Words, cells: BoolArray, inked: Words, edges: tuple[Edges, Edges], step: float) -> None:
    """Slanted lines through each marked cell, a quarter of it inked, going on from one to the next."""
    y, x = edges
    for layer, expert in np.argwhere(cells).tolist():
        rows, columns = np.arange(y[layer], y[layer + 1]), np.arange(x[expert], x[expert + 1])
        is_inked = (rows[:, None] + columns) % step < step / 4
        words[y[layer] : y[layer + 1], x[expert] : x[expert + 1]][is_inked] = inked[layer, expert]
