"""Which tokens an expert serves: how often each distinct token chose it, how exclusively, and with what weight.

The counterpart, seen from the expert, of OLMoE's vocabulary specialisation (https://arxiv.org/abs/2409.02060).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.routing_in_scope import renormalise
from moe_core.measures.sampled_tokens import TokenSample, weighted_counts

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ServedTokens:
    """Distinct tokens that chose the expert at least once, by token id: V of them in each array.

    `served`: occurrences that chose the expert, of `occurrences` in all. `weight`: their renormalised gate weights q
    for the expert, summed.
    """

    ids: NDArray[np.int32]
    served: FloatArray
    occurrences: FloatArray
    weight: FloatArray

    @property
    def share(self) -> FloatArray:
        """Share of each token's occurrences that chose the expert, above 0 and up to 1."""
        return self.served / self.occurrences


def served_tokens(sample: TokenSample, layer: int, expert: int) -> ServedTokens:
    """The tokens of the sample that chose the expert (layer, expert)."""
    distinct, places = sample.distinct
    rows, ranks = sample.choosing(layer, expert)
    q = renormalise(sample.weights[layer][rows])[np.arange(len(rows)), ranks]
    times, of = sample.times[rows], places[rows]
    served = weighted_counts(of, times, len(distinct))
    weight = weighted_counts(of, times * q, len(distinct))
    seen = served > 0
    return ServedTokens(distinct[seen], served[seen], sample.occurrences[seen], weight[seen])
