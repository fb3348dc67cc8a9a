"""Which experts of a layer are chosen together: count(a and b) / count(a) over all pairs among the top-k.

OLMoE's own code (https://arxiv.org/abs/2409.02060, section 5.2) counts pairs of adjacent ranks only; here every pair of
a token's K experts counts, so that the result does not depend on how close two gate weights are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.metric import ratio
from moe_core.measures.sampled_tokens import TokenSample, weighted_counts

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Partners:
    """The other experts of the layer [E - 1], ascending, beside one expert a that `n_served` of `n_tokens` chose.

    `together`: tokens that chose both. `share`: together / n_served, 0..1, NaN where a serves nothing; the shares sum
    to K - 1. `used_share`: share of all tokens that chose the partner. `chance`: the share that chance alone gives,
    so that share / chance above 1 means drawn together.
    """

    experts: NDArray[np.intp]
    together: FloatArray
    share: FloatArray
    used_share: FloatArray
    chance: FloatArray
    n_served: float
    n_tokens: int


def partners(sample: TokenSample, layer: int, expert: int, n_experts: int) -> Partners:
    """The partners of the expert (layer, expert) over the tokens of the sample."""
    chosen = sample.experts[layer]  # [T, K]
    K = chosen.shape[1]
    rows, _ = sample.choosing(layer, expert)
    together = weighted_counts(chosen[rows].reshape(-1), np.repeat(sample.times[rows], K), n_experts)
    used = sample.used(layer, n_experts)
    others = np.delete(np.arange(n_experts), expert)
    used_share = ratio(used, sample.n_tokens)
    n_served = float(used[expert])
    return Partners(
        experts=others,
        together=together[others],
        share=ratio(together[others], n_served),
        used_share=used_share[others],
        chance=chance_share(used_share[others], float(used_share[expert]), K),
        n_served=n_served,
        n_tokens=sample.n_tokens,
    )


def chance_share(used_share: FloatArray, own_used_share: float, top_k: int) -> FloatArray:
    """The share of an expert's tokens that would choose each partner were the choices independent.

    A token that chose the expert has K - 1 places left, and the other experts share these out by how often each is
    used: p_b (K - 1) / (K - p_a). The bare p_b would be too much: the p_b of all others sum to K - p_a, not to K - 1,
    and at K = 2 every pair would seem to avoid each other.
    """
    return used_share * (top_k - 1) / (top_k - own_used_share)
