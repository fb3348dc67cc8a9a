"""What a gate chart shows: the experts of a token on one side, or on both sides of a what-if, and their gate weights.

Axes: L layers, S sides (one, or before and after), K chosen experts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Experts = NDArray[np.integer[Any]]
Weights = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateSide:
    """Experts [L, K] and weights [L, K] of a token on one side; `describe` says what a cell is."""

    experts: Experts
    weights: Weights
    describe: Callable[[int, int], str]


@dataclass(frozen=True, eq=False)
class GateCells:
    """`experts` [L, S, K]; `shares` [L, S, K], 0 to 1, of the weight `full`, the largest one shown (0: there is none).

    `is_changed` [L, S, K]: the expert of a cell is on this side only.
    """

    experts: Experts
    shares: Weights
    is_changed: NDArray[np.bool_]
    full: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Layers, sides, ranks."""
        n_layers, n_sides, n_ranks = self.experts.shape
        return n_layers, n_sides, n_ranks


def cells_of(sides: Sequence[GateSide]) -> GateCells:
    """The cells of one side, or of before and after; a weight that is not finite counts as 0."""
    experts = np.stack([side.experts for side in sides], axis=1)
    weights = np.stack([np.where(np.isfinite(side.weights), side.weights, 0.0) for side in sides], axis=1)
    full = float(weights.max(initial=0.0))
    shares = weights / full if full > 0 else np.zeros_like(weights)
    stays = (experts[:, 0, :, None] == experts[:, -1, None, :]).any(axis=2)  # [L, K] of the first side
    came = ~(experts[:, -1, :, None] == experts[:, 0, None, :]).any(axis=2)
    return GateCells(experts, shares, np.stack([~stays, came][-len(sides) :], axis=1), full)


def no_cells() -> GateCells:
    """Before there is a token."""
    return cells_of([GateSide(np.zeros((0, 0), np.int64), np.zeros((0, 0)), lambda layer, rank: "")])
