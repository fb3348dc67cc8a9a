"""Which tokens of which questions count: one scope's routing over a selection of questions, as every metric takes it.

Axes: N questions of the trace, n questions of the selection, L MoE layers, E experts, K chosen, C choices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.expert_totals import ExpertTotals, total_by_expert
from moe_core.traces.records import Status

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


class Scope(StrEnum):
    """Which tokens count."""

    ANSWER = "answer"
    PROMPT = "prompt"
    QUESTION = "question"

    @property
    def meaning(self) -> str:
        """What the scope is, for a caption."""
        return _MEANINGS[self]


_MEANINGS = {
    Scope.ANSWER: "the last prompt position, whose output predicts the letter",
    Scope.PROMPT: "every token of the full prompt, shared prefix included",
    Scope.QUESTION: "every token of the question's own segment",
}


class SegmentSums(Protocol):
    """Sums over the tokens of S segments (prefixes, or questions' own segments), as a trace keeps them."""

    @property
    def token_count(self) -> NDArray[np.uint16]: ...  # [S, L, E]
    @property
    def gate_share_sum(self) -> NDArray[np.float16]: ...  # [S, L, E]
    @property
    def topk_entropy_sum(self) -> NDArray[np.float32]: ...  # [S, L], nats, like the next three
    @property
    def topk_entropy_square_sum(self) -> NDArray[np.float32]: ...
    @property
    def full_entropy_sum(self) -> NDArray[np.float32]: ...
    @property
    def full_entropy_square_sum(self) -> NDArray[np.float32]: ...
    @property
    def sorted_share_sum(self) -> NDArray[np.float32]: ...  # [S, L, K]


class RoutedQuestions(Protocol):
    """What of a trace the metrics need; `storage.trace_reader.Trace` is one, and so is a test's hand-written fake."""

    @property
    def recorded(self) -> BoolArray: ...  # [N]
    @property
    def damaged(self) -> tuple[int, ...]: ...  # none of them is recorded
    @property
    def status(self) -> NDArray[np.uint8]: ...  # [N], Status
    @property
    def subjects(self) -> Sequence[str] | NDArray[np.str_]: ...  # [N]
    @property
    def gold(self) -> NDArray[np.int8]: ...  # [N], -1 where the quiz gives no answer
    @property
    def predicted(self) -> NDArray[np.int8]: ...  # [N]
    @property
    def prefix(self) -> NDArray[np.int32]: ...  # [N], -1 where the question shares none
    @property
    def n_prompt_tokens(self) -> NDArray[np.int64]: ...  # [N]
    @property
    def n_own_tokens(self) -> NDArray[np.int64]: ...  # [N]
    @property
    def answer_experts(self) -> NDArray[Any]: ...  # [N, L, K] uint8 or uint16
    @property
    def answer_weights(self) -> NDArray[np.float16]: ...  # [N, L, K]
    @property
    def router_probs(self) -> NDArray[np.float16]: ...  # [N, L, E], answer position
    @property
    def question_sums(self) -> SegmentSums: ...
    @property
    def prefix_sums(self) -> SegmentSums: ...


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
        return total_by_expert(
            token_count=self.routing.token_count,
            gate_share=self.routing.gate_share,
            questions=self.questions,
            n_tokens=self.routing.n_tokens[self.questions],
            is_scored=self.is_scored,
            is_correct=self.is_correct,
        )


def select(routing: ScopedRouting, trace: RoutedQuestions, questions: NDArray[Any] | None = None) -> RoutingSample:
    """The sample of the chosen questions (row numbers, or all when None); those without an answer are left out."""
    chosen = np.arange(len(trace.recorded)) if questions is None else np.asarray(questions, dtype=np.intp)
    recorded = chosen[np.asarray(trace.recorded)[chosen]]
    answered = recorded[np.asarray(trace.status)[recorded] == Status.ANSWERED]
    n_damaged = int(np.isin(chosen, trace.damaged).sum())
    gold, predicted = np.asarray(trace.gold)[answered], np.asarray(trace.predicted)[answered]
    return RoutingSample(
        routing=routing,
        questions=answered,
        is_scored=gold >= 0,
        is_correct=(gold >= 0) & (gold == predicted),
        subjects=tuple(np.asarray(trace.subjects)[answered].tolist()),
        n_failed=len(recorded) - len(answered),
        n_damaged=n_damaged,
        n_unrecorded=len(chosen) - len(recorded) - n_damaged,
    )
