"""How far sets of never-used experts overlap, against what sets of the same sizes would by chance, exactly.

Chance: every task leaves as many experts of each layer unused as it does, but any of them, each as likely. What all
have in common of one layer follows hypergeometric draws one after the other, and layers do not depend on each other.
Axes: k tasks, L MoE layers, E experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """`n_common` experts are in all sets, whose sizes are `sizes`; by chance `expected`, mostly (95 %) within bounds.

    `p` is the probability of as many or more by chance; `n_any` experts are in at least one.
    """

    sizes: tuple[int, ...]
    n_common: int
    n_any: int
    expected: float
    lower: int
    upper: int
    p: float

    @property
    def jaccard(self) -> float:
        """Share of what any set holds that all hold, 0..1; NaN where no set holds anything."""
        return self.n_common / self.n_any if self.n_any else float("nan")


def overlap(sets: Sequence[BoolArray]) -> Overlap:
    """What these sets of experts [L, E] have in common."""
    together = np.stack(sets)  # [k, L, E]
    chance = chance_of_common(together.sum(axis=-1), together.shape[-1])
    n_common = int(together.all(axis=0).sum())
    reached = np.cumsum(chance)
    return Overlap(
        sizes=tuple(together.sum(axis=(1, 2)).tolist()),
        n_common=n_common,
        n_any=int(together.any(axis=0).sum()),
        expected=float(chance @ np.arange(len(chance))),
        lower=int(np.searchsorted(reached, 0.025)),
        upper=int(np.searchsorted(reached, 0.975)),
        p=min(1.0, float(chance[n_common:].sum())),
    )


def chance_of_common(sizes: NDArray[np.integer], n_experts: int) -> FloatArray:
    """Probabilities that 0, 1, .. experts are common to random sets of these sizes [k, L] among E of each layer."""
    total = np.ones(1)
    for of_layer in sizes.T:
        total = np.convolve(total, _of_layer(of_layer.tolist(), n_experts))
    return total


def _of_layer(sizes: Sequence[int], n_experts: int) -> FloatArray:
    from scipy.stats import hypergeom

    first, *others = sizes
    chance = np.zeros(n_experts + 1)
    chance[first] = 1.0
    for size in others:
        so_far = np.flatnonzero(chance)
        step = hypergeom.pmf(np.arange(n_experts + 1)[:, None], n_experts, so_far, size)  # [common, so far]
        chance = step @ chance[so_far]
    made: FloatArray = chance
    return made
