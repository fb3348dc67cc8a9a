"""One scope's routing of every question, from what a trace stores: the answer position, or the sums of its segments.

Axes: N questions, S segments, L MoE layers, E experts, K chosen experts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace
from moe_core.traces.records import SegmentSums

FloatArray = NDArray[np.float64]

_BLOCK_ROWS = 512


@dataclass(frozen=True)
class TokenSums:
    """Per-question sums of per-token quantities: entropies [N, L] in nats, their squares, and sorted q [N, L, K]."""

    topk_entropy: FloatArray
    topk_entropy_square: FloatArray
    full_entropy: FloatArray
    full_entropy_square: FloatArray
    sorted_share: FloatArray


@dataclass(frozen=True)
class ScopedRouting:
    """Every question of a trace in one scope, rows as in the trace; rows that were not recorded hold zeros or noise.

    `token_count` and `gate_share` are float32 [N, L, E]: tokens that chose the expert, and the mean over the scope's
    tokens of the renormalised gate weight q (0 where not chosen) - the m_n of the expert accuracy.
    """

    scope: Scope
    n_tokens: NDArray[np.int64]
    token_count: NDArray[np.float32]
    gate_share: NDArray[np.float32]
    token_sums: TokenSums
    router_probs: NDArray[np.float16]


def routing_in_scope(trace: Trace, scope: Scope) -> ScopedRouting:
    """Every question's routing in one scope: two float32 cubes of N * L * E (115 MB for MMLU on OLMoE)."""
    if scope is Scope.ANSWER:
        return _at_answer(trace)
    return _over_segments(trace, scope)


def renormalise(weights: NDArray[Any]) -> NDArray[np.float32]:
    """q = w / sum(w) over the last axis; all 0 where the weights sum to 0 (every chosen expert was dropped)."""
    w: NDArray[np.float32] = np.asarray(weights, dtype=np.float32)  # half precision loses a digit in the sum
    q = np.zeros_like(w)
    with np.errstate(invalid="ignore"):  # a failed question may hold infinities; its row is never selected
        total = w.sum(axis=-1, keepdims=True)
        np.divide(w, total, out=q, where=total > 0)
    return q


def entropy(distribution: NDArray[np.float32]) -> FloatArray:
    """-sum(q ln q) over the last axis, nats, with 0 ln 0 = 0; 0 for one certain choice, ln K for K equal ones."""
    q = np.asarray(distribution, dtype=np.float32)
    # The smallest normal float stands in for 0: its logarithm is finite and is multiplied by 0.
    logarithms = np.log(np.maximum(q, np.finfo(np.float32).tiny))
    plogp: FloatArray = np.einsum("...k,...k->...", q, logarithms, dtype=np.float64)
    return np.maximum(-plogp, 0.0)


def _at_answer(trace: Trace) -> ScopedRouting:
    # Rows that are not recorded hold anything at all; as zeros they could still count as expert 0.
    recorded = trace.recorded[:, None, None]
    experts = np.where(recorded, trace.answer_experts, 0).astype(np.intp)  # [N, L, K]
    router_probs = trace.router_probs  # [N, L, E]
    q = renormalise(trace.answer_weights)  # [N, L, K]
    token_count, gate_share = np.zeros((2, *router_probs.shape), np.float32)  # [N, L, E]
    _check_ids(experts, n_experts=router_probs.shape[-1])
    np.put_along_axis(token_count, experts, recorded.astype(np.float32), axis=-1)
    np.put_along_axis(gate_share, experts, q, axis=-1)
    topk_entropy, full_entropy = entropy(q), _entropy_of_probs(router_probs)  # [N, L]
    sums = TokenSums(
        topk_entropy=topk_entropy,
        topk_entropy_square=topk_entropy**2,
        full_entropy=full_entropy,
        full_entropy_square=full_entropy**2,
        sorted_share=-np.sort(-q, axis=-1).astype(np.float64),  # a boost may have changed the order
    )
    n_tokens = np.ones(len(experts), np.int64)
    return ScopedRouting(Scope.ANSWER, n_tokens, token_count, gate_share, sums, router_probs)


def _check_ids(experts: NDArray[np.intp], n_experts: int) -> None:
    wrong = np.argwhere(experts >= n_experts)
    if len(wrong):
        row, layer, rank = wrong[0].tolist()
        raise TraceError(
            f"Question {row} names expert {experts[row, layer, rank]} in layer {layer}, but the model has "
            f"{n_experts}: the trace is damaged, record it again."
        )


def _over_segments(trace: Trace, scope: Scope) -> ScopedRouting:
    own, shared = trace.question_sums, trace.prefix_sums
    with_prefix = scope is Scope.PROMPT
    prefix = trace.prefix if with_prefix else np.full(len(trace.recorded), -1)
    n_tokens = trace.n_prompt_tokens if with_prefix else trace.n_own_tokens
    gate_share = _add_prefix(own.gate_share_sum, shared.gate_share_sum, prefix)  # [N, L, E], still a sum
    gate_share /= np.maximum(n_tokens, 1).astype(np.float32)[:, None, None]
    return ScopedRouting(
        scope=scope,
        n_tokens=n_tokens,
        token_count=_add_prefix(own.token_count, shared.token_count, prefix),
        gate_share=gate_share,
        token_sums=_segment_token_sums(own, shared, prefix),
        router_probs=trace.router_probs,
    )


def _segment_token_sums(own: SegmentSums, shared: SegmentSums, prefix: NDArray[Any]) -> TokenSums:
    def over_prompt(of_own: NDArray[np.float32], of_shared: NDArray[np.float32]) -> FloatArray:
        return _add_prefix(of_own, of_shared, prefix).astype(np.float64)

    return TokenSums(
        topk_entropy=over_prompt(own.topk_entropy_sum, shared.topk_entropy_sum),
        topk_entropy_square=over_prompt(own.topk_entropy_square_sum, shared.topk_entropy_square_sum),
        full_entropy=over_prompt(own.full_entropy_sum, shared.full_entropy_sum),
        full_entropy_square=over_prompt(own.full_entropy_square_sum, shared.full_entropy_square_sum),
        sorted_share=over_prompt(own.sorted_share_sum, shared.sorted_share_sum),
    )


def _add_prefix(own: NDArray[Any], shared: NDArray[Any], prefix: NDArray[Any]) -> NDArray[np.float32]:
    """own[n] + shared[prefix[n]], float32; questions whose prefix is -1 keep their own."""
    total = np.array(own, dtype=np.float32)
    if not (prefix >= 0).any():
        return total
    shared_float = np.asarray(shared, dtype=np.float32)
    # Questions of one prefix mostly lie together: adding by prefix copies no cube of gathered prefixes.
    for segment in np.unique(prefix[prefix >= 0]):
        rows = np.flatnonzero(prefix == segment)
        is_one_run = rows[-1] - rows[0] + 1 == len(rows)
        with np.errstate(invalid="ignore"):  # rows that are not recorded may hold infinities; they are never selected
            total[slice(rows[0], rows[-1] + 1) if is_one_run else rows] += shared_float[segment]
    return total


def _entropy_of_probs(probs: NDArray[np.float16]) -> FloatArray:
    """Entropy over all E experts [N, L]; p is renormalised, as half precision lets its sum stray from 1.

    NaN where there are no probabilities, since the router's scoring is not known: not 0, as of one certain choice.
    """
    result = np.empty(probs.shape[:-1])
    for start in range(0, len(probs), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        result[rows] = np.where(np.isnan(probs[rows]).any(axis=-1), np.nan, entropy(renormalise(probs[rows])))
    return result
