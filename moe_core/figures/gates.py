"""What a chart of gates shows: the experts that one token was sent to at every layer, and with which weight.

Axes: L layers, K chosen experts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class GateRow:
    """One layer on one side: experts [K] in order of rank, and their weights [K]; `name` stands before it once."""

    name: str
    experts: NDArray[np.integer[Any]]
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateFigure:
    """Rows [L] before, where a what-if is compared, and [L] as they are; `quantity` is what a full cell stands for."""

    rows: tuple[GateRow, ...]
    before: tuple[GateRow, ...] = ()
    quantity: str = "gate weight"
    title: str = ""

    @property
    def full(self) -> float:
        """The weight that fills a whole cell: the largest one shown; 0 where there is none."""
        weights = [np.nan_to_num(row.weights, posinf=0.0, neginf=0.0) for row in (*self.rows, *self.before)]
        return max((float(each.max(initial=0.0)) for each in weights), default=0.0)
