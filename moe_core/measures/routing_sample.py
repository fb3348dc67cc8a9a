"""One scope's routing over a selection of questions, as every metric takes it, and its sums per expert.

Axes: N questions of the trace, n of the selection, L MoE layers, E experts, K chosen; X = L * E.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.routing_in_scope import ScopedRouting, routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

# A block of both cubes fits into a core's cache. Blocks also keep float32 sums exact: 64 questions of up to 131,070
# tokens (two uint16) stay below 2**24; the sums of blocks are float64.
_BLOCK_ROWS = 64


@dataclass(frozen=True)
class ExpertTotals:
    """Sums over the selection, each float64 [L, E]; m = a question's mean renormalised gate weight for the expert.

    `tokens`: tokens that chose the expert. `gate_sum`: their q, summed. `questions`: questions with such a token.
    `share`: m over all questions. The rest only over questions that have a gold answer: `scored_questions` that
    chose the expert, their `scored_share` m and its squares, and the same over the right ones alone.
    `largest_share`: the largest m of any question.
    """

    tokens: FloatArray
    gate_sum: FloatArray
    questions: FloatArray
    share: FloatArray
    scored_questions: FloatArray
    scored_share: FloatArray
    scored_share_square: FloatArray
    right_share: FloatArray
    right_share_square: FloatArray
    largest_share: FloatArray


@dataclass(frozen=True)
class RoutingSample:
    """One scope over a selection of questions: what a metric is computed from.

    `questions` [n] are rows of `routing`, answered ones only; `n_failed`, `n_damaged` and `n_unrecorded` of the
    selection were left out. `is_scored` [n]: the quiz has a gold answer; `is_correct` [n]: and the model chose it.
    """

    routing: ScopedRouting
    questions: IndexArray
    is_scored: BoolArray
    is_correct: BoolArray
    subjects: tuple[str, ...]
    n_failed: int
    n_damaged: int
    n_unrecorded: int

    @property
    def scope(self) -> Scope:
        """Which tokens count."""
        return self.routing.scope

    @property
    def left_out(self) -> dict[str, int]:
        """Why questions of the selection do not count, and how many; empty where all do."""
        reasons = {"failed": self.n_failed, "damaged": self.n_damaged, "not recorded": self.n_unrecorded}
        return {reason: n for reason, n in reasons.items() if n}

    @property
    def n_layers(self) -> int:
        """Number of MoE layers."""
        return int(self.routing.token_count.shape[1])

    @property
    def n_experts(self) -> int:
        """Experts per layer."""
        return int(self.routing.token_count.shape[2])

    @property
    def top_k(self) -> int:
        """Experts that each token chooses in a layer."""
        return int(self.routing.token_sums.sorted_share.shape[2])

    @cached_property
    def subject_names(self) -> tuple[str, ...]:
        """The subjects of the selection, in the order of their first question."""
        return tuple(dict.fromkeys(self.subjects))

    @cached_property
    def n_tokens(self) -> int:
        """Tokens in the scope, over the whole selection."""
        return int(self.routing.n_tokens[self.questions].sum())

    @cached_property
    def totals(self) -> ExpertTotals:
        """Sums per expert over the selection; made in one pass, on first use, for all metrics together."""
        return _total_by_expert(
            token_count=self.routing.token_count,
            gate_share=self.routing.gate_share,
            questions=self.questions,
            n_tokens=self.routing.n_tokens[self.questions],
            is_scored=self.is_scored,
            is_correct=self.is_correct,
        )


def sample(trace: Trace, scope: Scope, questions: NDArray[Any] | None = None) -> RoutingSample:
    """One scope over a selection of questions (row numbers; all of them when None).

    Who draws many selections of one trace keeps `routing_in_scope` and calls `select` on it: the cubes are built once.
    """
    return select(routing_in_scope(trace, scope), trace, questions)


def select(routing: ScopedRouting, trace: Trace, questions: NDArray[Any] | None = None) -> RoutingSample:
    """The sample of the chosen questions (row numbers, or all when None); those without an answer are left out."""
    chosen = np.arange(trace.n_questions) if questions is None else np.asarray(questions, dtype=np.intp)
    recorded = chosen[trace.recorded[chosen]]
    answered = recorded[trace.status[recorded] == Status.ANSWERED]
    n_damaged = int(np.isin(chosen, trace.damaged).sum())
    gold, predicted = trace.gold[answered], trace.predicted[answered]
    return RoutingSample(
        routing=routing,
        questions=answered,
        is_scored=gold >= 0,
        is_correct=(gold >= 0) & (gold == predicted),
        subjects=tuple(trace.subjects[answered].tolist()),
        n_failed=len(recorded) - len(answered),
        n_damaged=n_damaged,
        n_unrecorded=len(chosen) - len(recorded) - n_damaged,
    )


def _total_by_expert(
    *,
    token_count: NDArray[np.float32],
    gate_share: NDArray[np.float32],
    questions: NDArray[np.intp],
    n_tokens: NDArray[np.int64],
    is_scored: NDArray[np.bool_],
    is_correct: NDArray[np.bool_],
) -> ExpertTotals:
    """The totals of the chosen rows of two cubes [N, L, E]; the vectors are aligned with `questions` [n]."""
    N, L, E = token_count.shape
    counts, shares = token_count.reshape(N, L * E), gate_share.reshape(N, L * E)
    ones = np.ones(len(questions), np.float32)
    share_weights = np.stack([ones, is_scored, is_correct, n_tokens]).astype(np.float32)  # [4, n]
    question_weights = np.stack([ones, is_scored]).astype(np.float32)  # [2, n]
    sums, largest = np.zeros((9, L * E)), np.zeros(L * E, np.float32)
    # Blocks go through the same three buffers: fresh ones would cost more in page faults than the arithmetic does.
    buffers = np.empty((3, min(_BLOCK_ROWS, len(questions)), L * E), np.float32)
    for start in range(0, len(questions), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(questions)))
        block_counts, block_shares, scratch = buffers[:, : rows.stop - start]  # [64, X]
        np.take(counts, questions[rows], axis=0, out=block_counts, mode="clip")  # other modes buffer once more
        np.take(shares, questions[rows], axis=0, out=block_shares, mode="clip")
        sums[:4] += share_weights[:, rows] @ block_shares
        sums[4] += ones[rows] @ block_counts
        sums[5:7] += question_weights[:, rows] @ np.minimum(block_counts, 1, out=scratch)  # whether, not how often
        np.maximum(largest, block_shares.max(axis=0), out=largest)
        sums[7:] += share_weights[1:3, rows] @ np.square(block_shares, out=scratch)
    share, scored, right, gate, tokens, used, scored_used, squares, right_squares = sums.reshape(9, L, E)
    return ExpertTotals(
        tokens=tokens,
        gate_sum=gate,
        questions=used,
        share=share,
        scored_questions=scored_used,
        scored_share=scored,
        scored_share_square=squares,
        right_share=right,
        right_share_square=right_squares,
        largest_share=largest.reshape(L, E).astype(np.float64),
    )
