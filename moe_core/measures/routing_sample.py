"""One scope's routing over a selection of questions, as every metric takes it, and its sums per expert.

Axes: N questions of the trace, n of the selection, b of a block, L MoE layers, E experts, K chosen; X = L * E.
"""

from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moe_core.errors import MoeCoreError
from moe_core.interventions.layers import Layers
from moe_core.measures.cube import blocks
from moe_core.measures.routing_in_scope import ScopedRouting, routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.numbers.half_precision import widened
from moe_core.numbers.stepwise import Steps, Stepwise
from moe_core.quizzes.question import item_name
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status
from moe_core.traces.stored_rows import Rows

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class ExpertCounts:
    """How often each expert was chosen over the selection, each float64 [L, E].

    `tokens`: tokens that chose the expert; `questions`: questions with such a token; `scored_questions`: those of them
    that have a gold answer.
    """

    tokens: FloatArray
    questions: FloatArray
    scored_questions: FloatArray


@dataclass(frozen=True)
class ExpertTotals(ExpertCounts):
    """And with which weight, each float64 [L, E]; m = a question's mean renormalised gate weight for the expert.

    `gate_sum`: q of the tokens that chose the expert, summed. `share`: m over all questions. The rest only over
    questions that have a gold answer: their `scored_share` m and its squares, and the same over the right ones alone.
    `largest_share`: the largest m of any question.
    """

    gate_sum: FloatArray
    share: FloatArray
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
    `has_choices`: whether anything is asked; plain text is only read. `whole`: a sample that holds these questions and
    others; where its counts are known, those of most of its questions follow from those of the rest.
    """

    routing: ScopedRouting
    questions: IndexArray
    is_scored: BoolArray
    is_correct: BoolArray
    subjects: tuple[str, ...]
    n_failed: int
    n_damaged: int
    n_unrecorded: int
    has_choices: bool = True
    whole: "RoutingSample | None" = None

    @property
    def item(self) -> str:
        """What is counted: a question or a text."""
        return item_name(has_choices=self.has_choices)

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
    def layers(self) -> Layers:
        """The model's own numbers of the MoE layers."""
        return self.routing.layers

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
    def counting(self) -> Stepwise[ExpertCounts]:
        """`counts`, for who does not want to wait for them."""
        return Stepwise(lambda: _count_by_expert(self))

    @property
    def counts(self) -> ExpertCounts:
        """How often each expert was chosen: half the work of `totals`, of which it is a part."""
        return self.counting.value

    @cached_property
    def totalling(self) -> Stepwise[ExpertTotals]:
        """`totals`, for who does not want to wait for them."""
        return Stepwise(lambda: _total_by_expert(self))

    @property
    def totals(self) -> ExpertTotals:
        """Sums per expert over the selection; made on first use, for all metrics together."""
        return self.totalling.value

    @cached_property
    def probability_sums(self) -> Stepwise[FloatArray]:
        """Router probabilities at the answer position, summed over the selection [L, E]."""
        return Stepwise(lambda: _sum_probabilities(self.routing.router_probs, self.questions))


def sample(trace: Trace, scope: Scope, questions: ArrayLike | None = None) -> RoutingSample:
    """One scope over a selection of questions (row numbers, or true and false for each; all of them when None).

    Raises MoeCoreError for other scopes and rows. Who draws many selections of one trace keeps `routing_in_scope` and
    calls `select` on it: the cubes are built once.
    """
    if scope not in list(Scope):
        raise MoeCoreError(f"There is no scope {scope!r}: choose one of {', '.join(Scope)}.")
    rows = None if questions is None else _rows(np.asarray(questions), trace.n_questions)
    return select(routing_in_scope(trace, Scope(scope)), trace, rows)


def _rows(given: NDArray[Any], N: int) -> NDArray[Any]:
    """What was given as row numbers: numpy would take a mask for rows 0 and 1, and -1 for the last one."""
    if given.dtype == np.bool_ and given.shape == (N,):
        return np.flatnonzero(given)
    is_number = given.dtype.kind in "iu" and given.ndim == 1
    if given.size and not (is_number and given.min() >= 0 and given.max() < N):
        raise MoeCoreError(
            f"Questions are chosen by their rows, 0 to {N - 1}, or by true and false for each of the {N}."
        )
    return given.astype(np.intp)


def select(
    routing: ScopedRouting,
    trace: Trace,
    questions: NDArray[Any] | None = None,
    *,
    whole: RoutingSample | None = None,
) -> RoutingSample:
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
        subjects=tuple(trace.subject_texts[answered].tolist()),
        n_failed=len(recorded) - len(answered),
        n_damaged=n_damaged,
        n_unrecorded=len(chosen) - len(recorded) - n_damaged,
        has_choices=trace.has_choices,
        whole=whole,
    )


def _count_by_expert(sample: RoutingSample) -> Steps[ExpertCounts]:
    """The counts; of most questions of a whole that is known they are its own less those of the few others."""
    whole, questions = sample.whole, sample.questions
    if whole is None or not whole.counting.is_made or 2 * len(questions) < len(whole.questions):
        return (yield from _counted(sample.routing, questions, sample.is_scored))
    is_other = ~np.isin(whole.questions, questions)
    others = yield from _counted(sample.routing, whole.questions[is_other], whole.is_scored[is_other])
    return ExpertCounts(*(all_of - part for all_of, part in zip(astuple(whole.counts), astuple(others), strict=True)))


def _counted(routing: ScopedRouting, questions: IndexArray, is_scored: BoolArray) -> Steps[ExpertCounts]:
    """Over blocks of questions, those with a gold answer first."""
    _, L, E = routing.token_count.shape
    tokens, users, done = np.zeros((L, E)), np.zeros((2, L, E)), 0
    for part, used in zip((questions[is_scored], questions[~is_scored]), users, strict=True):
        for rows in blocks(len(part), L * E // 4):  # a byte each, not four
            found = routing.counted(part[rows])
            tokens += found.tokens
            used += found.questions
            done += len(part[rows])
            yield done / len(questions)
    return ExpertCounts(tokens, users.sum(axis=0), users[0])


def _total_by_expert(sample: RoutingSample) -> Steps[ExpertTotals]:
    """The totals, over blocks of questions [b]."""
    for share in sample.counting.steps():
        yield share / 2
    routing, questions = sample.routing, sample.questions
    _, L, E = routing.token_count.shape
    ones = np.ones(len(questions), np.float32)
    n_tokens = routing.n_tokens[questions]
    share_weights = np.stack([ones, sample.is_scored, sample.is_correct, n_tokens]).astype(np.float32)  # [4, n]
    sums, largest, of_block = np.zeros((6, L * E)), np.zeros(L * E, np.float32), np.empty((6, L * E), np.float32)
    for rows in blocks(len(questions), L * E):
        shares = routing.gate_share[questions[rows]].reshape(-1, L * E)  # [b, X]
        np.matmul(share_weights[:, rows], shares, out=of_block[:4])
        np.maximum(largest, shares.max(axis=0), out=largest)
        np.matmul(share_weights[1:3, rows], np.square(shares, out=shares), out=of_block[4:])
        sums += of_block
        yield (1 + rows.stop / len(questions)) / 2
    total, scored, right, gate, squares, right_squares = sums.reshape(6, L, E)
    return ExpertTotals(
        **vars(sample.counts),
        gate_sum=gate,
        share=total,
        scored_share=scored,
        scored_share_square=squares,
        right_share=right,
        right_share_square=right_squares,
        largest_share=largest.reshape(L, E).astype(np.float64),
    )


def _sum_probabilities(probs: Rows, questions: IndexArray) -> Steps[FloatArray]:
    _, L, E = probs.shape
    total = np.zeros((L, E))
    for rows in blocks(len(questions), L * E):
        total += widened(probs[questions[rows]]).sum(axis=0)  # a sum in float16 would stop growing
        yield rows.stop / len(questions)
    return total
