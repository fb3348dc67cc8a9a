"""Shares and means over tokens with their intervals, where tokens come in questions: no independent draws.

The share is a ratio of two sums over questions; its variance is that of the linearised ratio (Cochran, Sampling
Techniques, 1977, section 6.8), which gives an effective sample size for Wilson's interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.metric import ratio
from moe_core.numbers.intervals import Z_95, wilson_95

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClusteredShare:
    """`share` and the ends of its 95 % interval, of one shape; NaN where there are no tokens."""

    share: FloatArray
    lower: FloatArray
    upper: FloatArray


def clustered_share(counts: FloatArray, sizes: FloatArray) -> ClusteredShare:
    """The share of tokens that count: `counts` [n, ..] of `sizes` [n] tokens in each of n questions, over all.

    Where a share has no spread over questions (0, or all), each question counts as one observation.
    """
    n, total = len(sizes), float(sizes.sum())
    share = ratio(counts.sum(axis=0), total)
    own = sizes.reshape(-1, *(1,) * (counts.ndim - 1))
    spread = ((counts - share * own) ** 2).sum(axis=0) * (n / max(n - 1, 1) / max(total, 1.0) ** 2)
    effective = np.divide(share * (1 - share), spread, out=np.full_like(share, float(n)), where=spread > 0)
    effective = np.minimum(effective, total) if n > 1 else np.minimum(effective, 1.0)
    bounds = wilson_95(np.clip(share, 0.0, 1.0), effective)
    return ClusteredShare(share, bounds.lower, bounds.upper)


@dataclass(frozen=True, eq=False)
class ClusteredMean:
    """`mean` and the ends of its 95 % interval, of one shape; ends are NaN where there is a single question."""

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray


def clustered_mean(sums: FloatArray, sizes: FloatArray) -> ClusteredMean:
    """The mean over tokens: `sums` [n, ..] over the `sizes` [n] tokens of each of n questions, normal interval."""
    n, total = len(sizes), float(sizes.sum())
    mean = ratio(sums.sum(axis=0), total)
    own = sizes.reshape(-1, *(1,) * (sums.ndim - 1))
    squares = ((sums - mean * own) ** 2).sum(axis=0)
    half = Z_95 * np.sqrt(squares * (n / (n - 1))) / total if n > 1 else np.full_like(mean, np.nan)
    return ClusteredMean(mean, mean - half, mean + half)
