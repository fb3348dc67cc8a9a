"""What a heat map shows: values and marks per cell, and their summaries at the sides.

Axes: L layers, E experts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QPalette

from app.widgets.plots.colour_scale import ColourScale

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class HeatMapData:
    """`values` [L, E] are NaN where there is nothing to show; `is_never_used` cells carry a dot, `hatched` ones lines,
    which mean `hatched_name`.

    `row_marginals` [L] and `column_marginals` [E] are drawn as bars, from a middle where the values are signed, and
    named by `marginal_name`. `note` stands over the cells: why there is nothing to see.
    """

    values: FloatArray
    is_never_used: BoolArray
    scale: ColourScale
    row_marginals: FloatArray
    column_marginals: FloatArray
    marginal_name: str = "mean"
    is_signed: bool = False
    hatched: BoolArray | None = None
    hatched_name: str = "masked"
    note: str = ""
    format_value: Callable[[float], str] = field(default=lambda value: f"{value:.3g}", compare=False)

    @property
    def n_layers(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def n_experts(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @property
    def is_blank(self) -> BoolArray:
        """Cells that have no value [L, E]."""
        return np.isnan(self.values)

    def rgb(self, palette: QPalette) -> NDArray[np.uint8]:
        """Colour of each cell [L, E, 3]; grey where it has no value."""
        colours = self.scale.rgb(self.values)
        blank = blank_colour(palette)
        colours[self.is_blank] = (blank.red(), blank.green(), blank.blue())
        return colours


def blank_colour(palette: QPalette) -> QColor:
    """The grey of cells without a value: no map has it near zero, nor at its ends."""
    return palette.color(QPalette.ColorRole.Mid)
