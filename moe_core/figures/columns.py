"""What a chart of columns shows: one value for each expert, the chosen ones strong, and what was before a what-if.

Axes: E experts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.curves import Reference

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ColumnFigure:
    """`values` [E] as columns from 0, `chosen` ones strong; NaN draws none.

    With `before` [E] they are those after a what-if: what was before is outlined, and `chosen_before` tells which
    experts came and which left.
    """

    values: FloatArray
    chosen: frozenset[int] = frozenset()
    before: FloatArray | None = None
    chosen_before: frozenset[int] = frozenset()
    reference: Reference | None = None
    x_title: str = "expert"
    y_title: str = ""
    title: str = ""

    @property
    def highest(self) -> float:
        """The value at the top of the axis: the largest one shown; 1 where there is none."""
        shown = self.values if self.before is None else np.concatenate([self.values, self.before])
        return float(shown[np.isfinite(shown)].max(initial=0.0)) or 1.0
