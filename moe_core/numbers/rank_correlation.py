"""Spearman's rank correlation over values that belong together in clusters, with an interval over the clusters.

Axes: n clusters, m values of each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DRAWS = 2_000


@dataclass(frozen=True)
class Correlation:
    """-1..1 with its 95 % interval; NaN where either side does not vary, or nothing is known. `n` clusters count."""

    value: float
    lower: float
    upper: float
    n: int


def clustered_rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> Correlation:
    """Of all values [n, m] that are known on both sides; the interval is a bootstrap of the clusters, ranks kept."""
    known = np.isfinite(one) & np.isfinite(other)
    n = int(known.any(-1).sum())
    if n < 2:
        return Correlation(np.nan, np.nan, np.nan, n)
    ranks = [_ranks(values, known) for values in (one, other)]  # [n, m], 0 where unknown
    x, y = ranks
    parts = np.stack([known.sum(-1), x.sum(-1), y.sum(-1), (x * x).sum(-1), (y * y).sum(-1), (x * y).sum(-1)])  # [6, n]
    generator = np.random.default_rng(0)
    weights = (np.bincount(generator.integers(0, len(one), len(one)), minlength=len(one)) for _ in range(_DRAWS))
    drawn = np.array([_correlation(parts @ times) for times in weights])
    lower, upper = np.nanquantile(drawn, (0.025, 0.975)) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return Correlation(_correlation(parts.sum(-1)), float(lower), float(upper), n)


def _ranks(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Ranks around 0 of what is known, equal values alike."""
    from scipy.stats import rankdata

    made = np.zeros(values.shape)
    found = rankdata(values[known])
    made[known] = found - found.mean()
    return made


def _correlation(sums: NDArray[np.float64]) -> float:
    n, x, y, xx, yy, xy = sums
    spread = (xx - x * x / n) * (yy - y * y / n)
    return float((xy - x * y / n) / np.sqrt(spread)) if spread > 0 else float("nan")
