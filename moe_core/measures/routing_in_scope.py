"""One scope's routing of every question, from what a trace stores: the answer position, or the sums of its segments.

No cube of all questions is made: what a question holds is worked out when it is asked for (cube.py).

Axes: N questions, S segments, L MoE layers, E experts, K chosen experts; b questions of a block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.interventions.layers import Layers
from moe_core.measures.cube import Cube, blocks
from moe_core.measures.scope import Scope
from moe_core.measures.segment_sums import Counted, count_users, how_many, summed, with_prefixes
from moe_core.numbers.half_precision import widened
from moe_core.numbers.stepwise import Steps, Stepwise
from moe_core.traces.reader import Trace
from moe_core.traces.records import ExpertIds, Float16Array, Float32Array
from moe_core.traces.stored_rows import Rows, SumRows

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]


class TokenSums(Protocol):
    """Per-question sums of per-token quantities: entropies [N, L] in nats, their squares, and sorted q [N, L, K]."""

    @property
    def topk_entropy(self) -> NDArray[Any]: ...
    @property
    def topk_entropy_square(self) -> Rows: ...
    @property
    def full_entropy(self) -> NDArray[Any]: ...
    @property
    def full_entropy_square(self) -> Rows: ...
    @property
    def sorted_share(self) -> Cube: ...
    @property
    def full(self) -> Stepwise[NDArray[Any]]:
        """`full_entropy`, for who does not want to wait for it."""


@dataclass(frozen=True)
class ScopedRouting:
    """Every question of a trace in one scope, rows as in the trace; rows that were not recorded hold zeros or noise.

    `token_count` and `gate_share` are float32 [N, L, E]: tokens that chose the expert, and the mean over the scope's
    tokens of the renormalised gate weight q (0 where not chosen) - the m_n of the expert accuracy. `counted` sums up a
    block of questions in whole numbers. `layers` are the model's own numbers of the L rows.
    """

    scope: Scope
    n_tokens: NDArray[np.int64]
    token_count: Cube
    gate_share: Cube
    counted: Callable[[IndexArray], Counted]
    token_sums: TokenSums
    router_probs: Rows
    layers: Layers


def routing_in_scope(trace: Trace, scope: Scope) -> ScopedRouting:
    """Every question's routing in one scope; cheap, for what takes long is done when it is asked for."""
    if scope is Scope.ANSWER:
        return _at_answer(trace)
    return _over_segments(trace, scope)


def renormalise(weights: NDArray[Any]) -> NDArray[np.float32]:
    """q = w / sum(w) over the last axis; all 0 where the weights sum to 0 (every chosen expert was dropped)."""
    q = widened(weights)  # half precision loses a digit in the sum
    with np.errstate(invalid="ignore"):  # a failed question may hold infinities; its row is never selected
        total = q.sum(axis=-1, keepdims=True)
        is_any = total > 0
        if is_any.all():  # as a rule, and in half the time
            q /= total
            return q
        np.divide(q, total, out=q, where=is_any)
    return np.where(is_any, q, np.float32(0))


def entropy(distribution: NDArray[np.float32]) -> FloatArray:
    """-sum(q ln q) over the last axis, nats, with 0 ln 0 = 0; 0 for one certain choice, ln K for K equal ones."""
    q = np.asarray(distribution, dtype=np.float32)
    # The smallest normal float stands in for 0: its logarithm is finite and is multiplied by 0.
    logarithms = np.log(np.maximum(q, np.finfo(np.float32).tiny))
    plogp: FloatArray = np.einsum("...k,...k->...", q, logarithms, dtype=np.float64)
    return np.maximum(-plogp, 0.0)


@dataclass(frozen=True)
class _AtAnswer:
    """The answer position: one token a question, whose K experts a trace names."""

    recorded: NDArray[np.bool_]
    experts: ExpertIds
    weights: Float16Array
    router_probs: Rows

    def token_count(self, rows: IndexArray, layers: slice) -> Float32Array:
        # Rows that are not recorded hold anything at all; as zeros they could still count as expert 0.
        recorded = self.recorded[rows, None, None]
        ones = np.broadcast_to(recorded, self.experts[rows, layers].shape).astype(np.float32)
        return self._spread(ones, rows, layers)

    def counted(self, rows: IndexArray) -> Counted:
        _, L, E = self.router_probs.shape
        experts = self.experts[rows[self.recorded[rows]]].reshape(-1, self.experts.shape[2])  # [bL, K]
        uses = np.zeros((len(experts), E), bool)
        uses[np.arange(len(experts))[:, None], experts] = True
        users = how_many(uses.reshape(-1, L, E))
        return Counted(users.astype(np.int64), users)

    def gate_share(self, rows: IndexArray, layers: slice) -> Float32Array:
        return self._spread(renormalise(self.weights[rows, layers]), rows, layers)

    def sorted_share(self, rows: IndexArray, layers: slice) -> Float32Array:
        return -np.sort(-renormalise(self.weights[rows, layers]), axis=-1)  # a boost may have changed the order

    def _spread(self, values: Float32Array, rows: IndexArray, layers: slice) -> Float32Array:
        """Values [b, l, K] at the experts' places among all [b, l, E], the rest 0."""
        spread = np.zeros((*values.shape[:2], self.router_probs.shape[2]), np.float32)
        experts = self.experts[rows, layers]
        experts[~self.recorded[rows]] = 0
        places = experts.reshape(-1, values.shape[2]).astype(np.intp)
        places += np.arange(0, spread.size, spread.shape[2])[:, None]  # half the time of put_along_axis
        spread.reshape(-1)[places] = values.reshape(places.shape)
        return spread


@dataclass(frozen=True)
class _Squares:
    """Of values [N, L], for the rows that are asked for."""

    of: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.of.shape

    def __getitem__(self, rows: Any) -> FloatArray:
        squares: FloatArray = np.square(self.of[rows])
        return squares


class _AnswerSums:
    """Sums over the one token at the answer position."""

    def __init__(self, at: _AtAnswer) -> None:
        self._at = at
        self.full = Stepwise(lambda: _full_entropy(at.router_probs))
        self.sorted_share = Cube(at.weights.shape, at.sorted_share)

    @cached_property
    def topk_entropy(self) -> FloatArray:
        weights = self._at.weights
        found = np.empty(weights.shape[:2])
        for rows in blocks(len(found), weights[0].size):
            found[rows] = entropy(renormalise(weights[rows]))
        return found

    @property
    def topk_entropy_square(self) -> _Squares:
        return _Squares(self.topk_entropy)

    @property
    def full_entropy(self) -> FloatArray:
        return self.full.value

    @property
    def full_entropy_square(self) -> _Squares:
        return _Squares(self.full_entropy)


def _at_answer(trace: Trace) -> ScopedRouting:
    at = _AtAnswer(trace.recorded, trace.answer_experts, trace.answer_weights, trace.router_probs)
    N, L, E = at.router_probs.shape
    layers = trace.specification.model.layers
    _check_ids(np.where(at.recorded[:, None, None], at.experts, 0), layers, n_experts=E)
    counts, shares = Cube((N, L, E), at.token_count), Cube((N, L, E), at.gate_share)
    ones, sums = np.ones(N, np.int64), _AnswerSums(at)
    return ScopedRouting(Scope.ANSWER, ones, counts, shares, at.counted, sums, at.router_probs, layers)


def _check_ids(experts: NDArray[Any], layers: Layers, n_experts: int) -> None:
    wrong = np.argwhere(experts >= n_experts)
    if len(wrong):
        row, place, rank = wrong[0].tolist()
        raise TraceError(
            f"Question {row} names expert {experts[row, place, rank]} in layer {layers[place]}, but the model has "
            f"{n_experts}: the trace is damaged, record it again."
        )


class _SegmentTokenSums:
    """Sums over the tokens of a question's own segment and, where that has a place, of its prefix."""

    def __init__(self, own: SumRows, shared: SumRows, prefix: NDArray[Any]) -> None:
        self._own, self._shared, self._prefix = own, shared, prefix
        self.full = Stepwise(lambda: _at_once(_with_prefixes("full_entropy_sum", own, shared, prefix)))
        self.sorted_share = summed(own.sorted_share_sum, shared.sorted_share_sum, prefix)

    @cached_property
    def topk_entropy(self) -> Float32Array:
        return self._sum("topk_entropy_sum")

    @cached_property
    def topk_entropy_square(self) -> Float32Array:
        return self._sum("topk_entropy_square_sum")

    @property
    def full_entropy(self) -> Float32Array:
        found: Float32Array = self.full.value
        return found

    @cached_property
    def full_entropy_square(self) -> Float32Array:
        return self._sum("full_entropy_square_sum")

    def _sum(self, name: str) -> Float32Array:
        return _with_prefixes(name, self._own, self._shared, self._prefix)


def _with_prefixes(name: str, own: SumRows, shared: SumRows, prefix: NDArray[Any]) -> Float32Array:
    total: Float32Array = np.array(getattr(own, name), np.float32)
    return with_prefixes(total, getattr(shared, name), prefix)


def _over_segments(trace: Trace, scope: Scope) -> ScopedRouting:
    own, shared = trace.question_sums, trace.prefix_sums
    with_prefix = scope is Scope.PROMPT
    prefix = trace.prefix if with_prefix else np.full(len(trace.recorded), -1)
    n_tokens = trace.n_prompt_tokens if with_prefix else trace.n_own_tokens
    return ScopedRouting(
        scope=scope,
        n_tokens=n_tokens,
        token_count=summed(own.token_count, shared.token_count, prefix),
        gate_share=summed(own.gate_share_sum, shared.gate_share_sum, prefix, n_tokens),
        counted=count_users(own.token_count, shared.token_count, prefix),
        token_sums=_SegmentTokenSums(own, shared, prefix),
        router_probs=trace.router_probs,
        layers=trace.specification.model.layers,
    )


def _at_once(value: Float32Array) -> Steps[NDArray[Any]]:
    yield 1.0
    return value


def _full_entropy(probs: Rows) -> Steps[NDArray[Any]]:
    """Entropy over all E experts [N, L]; p is renormalised, as half precision lets its sum stray from 1.

    NaN where there are no probabilities, since the router's scoring is not known: not 0, as of one certain choice.
    """
    N, L, E = probs.shape
    result = np.empty((N, L))
    for rows in blocks(N, L * E):
        found = widened(probs[rows])
        result[rows] = np.where(np.isnan(found).any(axis=-1), np.nan, entropy(renormalise(found)))
        yield rows.stop / N
    return result
