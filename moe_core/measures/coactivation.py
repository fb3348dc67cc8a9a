"""Which experts of a layer are chosen together: count(a and b) / count(a) over all pairs among the top-k.

OLMoE's own code (https://arxiv.org/abs/2409.02060, section 5.2) counts pairs of adjacent ranks only; here every pair of
a token's K experts counts, so that the result does not depend on how close two gate weights are.

Axes: T token rows, S segments, E experts, K chosen experts, P partners.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.metric import ratio
from moe_core.measures.sampled_tokens import TokenSample, weighted_counts
from moe_core.numbers.intervals import Z_95, Interval, wilson_95

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


def over_chance_interval(
    sample: TokenSample, layer: int, expert: int, beside: NDArray[np.intp], n_experts: int
) -> Interval:
    """The 95 % interval of share / chance for the partners `beside` [P] of one expert; NaN where nothing is known.

    With u_a, u_b tokens that chose a and b, c that chose both, and T tokens, share / chance is
    c (K T - u_a) / (u_a u_b (K - 1)). The variance of its logarithm is that of the linearised sums over segments
    (Cochran, Sampling Techniques, 1977, section 6.8): tokens come in questions and are no independent draws, and a
    shared prefix is one observation however often it counts. The interval is normal on the logarithm. Where all of the
    expert's tokens chose the partner the share has no spread to see: its lower end is then Wilson's, each segment being
    one observation.
    """
    K, P = sample.experts.shape[2], len(beside)
    place_of = np.full(n_experts, P + 1)
    place_of[beside], place_of[expert] = np.arange(P), P
    rows, _ = sample.choosing(layer, expert)
    used = _by_segment(sample, layer, slice(None), place_of)  # [S, P + 2]
    together = _by_segment(sample, layer, rows, place_of)[:, :P]
    left = used.sum(axis=1) - used[:, P]  # K times the segment's tokens, less those that chose the expert
    log_parts = _relative(together) + _relative(left[:, None]) - _relative(used[:, P : P + 1]) - _relative(used[:, :P])
    n = int((used.sum(axis=1) > 0).sum())
    if n < 2 or K < 2:
        return Interval(np.full(P, np.nan), np.full(P, np.nan))
    half = Z_95 * np.sqrt((log_parts**2).sum(axis=0) * (n / (n - 1)))
    share = ratio(together.sum(axis=0), used[:, P].sum())
    n_tokens = used.sum() / K
    chance = chance_share(used[:, :P].sum(axis=0) / n_tokens, float(used[:, P].sum() / n_tokens), K)
    times = ratio(share, chance)
    least = np.where(share == 1, float(wilson_95(1.0, int((used[:, P] > 0).sum())).lower), 1.0)
    return Interval(times * np.minimum(np.exp(-half), least), times * np.exp(half))


def _by_segment(
    sample: TokenSample, layer: int, rows: slice | NDArray[np.intp], place_of: NDArray[np.intp]
) -> FloatArray:
    """How many tokens of each segment, among these rows, chose the experts of each place [S, P + 2]."""
    places, segments = place_of[sample.experts[layer][rows]], sample.segments
    n_segments, n_places = int(segments.max(initial=-1)) + 1, int(place_of.max()) + 1
    flat = segments[rows][:, None] * n_places + places
    weights = np.repeat(sample.times[rows], places.shape[1])
    return weighted_counts(flat.reshape(-1), weights, n_segments * n_places).reshape(n_segments, n_places)


def _relative(parts: FloatArray) -> FloatArray:
    """Each segment's part of the whole [S, ..]; NaN where the whole is nothing."""
    return ratio(parts, parts.sum(axis=0))
