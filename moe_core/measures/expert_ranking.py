"""Experts of each layer in order of a metric, those that nothing is known of first.

Axes: L MoE layers, E experts.
"""

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.metric import MetricValues

Order = NDArray[np.intp]


def lowest_first(found: MetricValues, load: NDArray[np.int64], min_support: float = 0) -> Order:
    """Experts of each layer [L, E] by ascending value; those below `min_support` or without a value stand first.

    Among equals the one with the smaller load [L, E] comes first, then the one with the smaller number.
    """
    known = np.isfinite(found.values) & (found.support >= min_support)
    values = np.where(known, found.values, -np.inf)
    return np.stack([np.lexsort((load[layer], values[layer])) for layer in range(len(values))])


def highest_supported(found: MetricValues, load: NDArray[np.int64], min_support: float, n: int) -> list[list[int]]:
    """The `n` best experts of each layer, best first; fewer where fewer have the support."""
    known = np.isfinite(found.values) & (found.support >= min_support)
    order = lowest_first(found, load, min_support)[:, ::-1]
    return [[int(e) for e in order[layer] if known[layer, e]][:n] for layer in range(len(order))]
