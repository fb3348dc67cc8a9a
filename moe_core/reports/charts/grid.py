"""Where the cells of a heat map stand, and what goes across several of them or along their sides.

Axes: L layers, E experts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.heat_map import HeatMapFigure
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Sheet


@dataclass(frozen=True)
class Grid:
    """Where cells stand: the left top corner of the first, their size, and the hairline between them."""

    left: float
    top: float
    width: float
    height: float
    n_layers: int
    n_experts: int
    gap: float

    @property
    def right(self) -> float:
        return self.left + self.n_experts * self.width

    @property
    def bottom(self) -> float:
        return self.top + self.n_layers * self.height

    def box(self, layer: int, expert: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of a cell."""
        x, y = self.left + expert * self.width, self.top + layer * self.height
        return x, y, self.width - self.gap, self.height - self.gap


def marginals(figure: HeatMapFigure, sheet: Sheet, grid: Grid, room: tuple[float, float]) -> list[Markup]:
    """A slim bar for each layer at the right and each expert below, as long as `room` at most, and their name."""
    (side, foot), gap = room, sheet.em(0.5)
    left, top = grid.right + gap, grid.bottom + sheet.em(0.4)
    parts = []
    for layer, (start, stop) in enumerate(_spans(figure.row_marginals, side, figure.has_signed_bars)):
        y = grid.top + (layer + 0.12) * grid.height
        parts.append(sheet.box(left + start, y, stop - start, 0.76 * grid.height, "bar"))
    for expert, (start, stop) in enumerate(_spans(figure.column_marginals, foot, figure.has_signed_bars)):
        x = grid.left + (expert + 0.12) * grid.width
        # Bars hang from the cells; signed ones stand up from the middle where they are positive.
        y = top + foot - stop if figure.has_signed_bars else top + start
        parts.append(sheet.box(x, y, 0.76 * grid.width, stop - start, "bar"))
    across, down = (left + side / 2, top + foot / 2) if figure.has_signed_bars else (left, top)
    parts.append(sheet.line(f"M{across:.2f},{grid.top:.2f}V{grid.bottom:.2f}", "axis"))
    parts.append(sheet.line(f"M{grid.left:.2f},{down:.2f}H{grid.right:.2f}", "axis"))
    parts.append(sheet.text(left, grid.top - sheet.em(0.45), figure.marginal_name, role="quiet"))
    return [*parts, sheet.text(grid.left - sheet.em(0.45), top + sheet.em(0.8), figure.marginal_name, "end", "quiet")]


def outline(selected: Iterable[tuple[int, int]], sheet: Sheet, grid: Grid) -> list[Markup]:
    """A line around the selected cells, those that touch taken together, on a broader one in the colour of paper."""
    cells, path = set(selected), []
    for layer, expert in sorted(cells):
        x, y = grid.left + expert * grid.width, grid.top + layer * grid.height
        if (layer - 1, expert) not in cells:
            path.append(f"M{x:.2f},{y:.2f}h{grid.width:.2f}")
        if (layer + 1, expert) not in cells:
            path.append(f"M{x:.2f},{y + grid.height:.2f}h{grid.width:.2f}")
        if (layer, expert - 1) not in cells:
            path.append(f"M{x:.2f},{y:.2f}v{grid.height:.2f}")
        if (layer, expert + 1) not in cells:
            path.append(f"M{x + grid.width:.2f},{y:.2f}v{grid.height:.2f}")
    line = min(sheet.em(0.14), 0.2 * grid.width)
    look = {"d": "".join(path), "stroke_linecap": "square"}
    return [
        element("path", **look, **sheet.ink(role), stroke_width=width)
        for role, width in (("halo", 2.2 * line), ("mark", line))
    ]


def slanted(left: float, top: float, width: float, height: float, step: float) -> str:
    """The path of lines x + y = a multiple of the step within a box: they go on from one box to the next."""
    right, bottom = left + width, top + height
    sums = np.arange(np.ceil((left + top) / step), np.ceil((right + bottom) / step)) * step
    return "".join(
        f"M{max(left, s - bottom):.2f},{min(bottom, s - left):.2f}L{min(right, s - top):.2f},{max(top, s - right):.2f}"
        for s in sums.tolist()
    )


def _spans(values: NDArray[np.float64], length: float, is_signed: bool) -> list[tuple[float, float]]:
    """Start and stop of each bar; empty bars for NaN; signed ones from the middle."""
    known = np.nan_to_num(values)
    largest = float(np.abs(known).max(initial=0.0)) or 1.0
    if not is_signed:
        return [(0.0, length * value / largest) for value in np.maximum(known, 0).tolist()]
    ends = (length / 2 * (1 + known / largest)).tolist()
    return [(min(length / 2, end), max(length / 2, end)) for end in ends]
