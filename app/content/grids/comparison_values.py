"""Both sides of a what-if over the selection of questions: who is compared, metrics, entropies, and what changed.

Axes: N questions of the trace shown, n questions compared, L MoE layers, E experts.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, WhatIf
from moe_core.comparison.comparison import gold_logprob_change, outcomes_of
from moe_core.measures.entropy_by_layer import EntropyCurve, EntropyKind, entropy_sums, mean_over_tokens, part
from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.paired_difference import paired_difference
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.routing_sample import IndexArray, RoutingSample, select
from moe_core.measures.scope import Scope
from moe_core.numbers.stepwise import Stepwise

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComparedSamples:
    """The same questions in the same order before and after; `n_left_out` of the selection were not compared."""

    before: RoutingSample
    after: RoutingSample
    n_left_out: int

    @property
    def n(self) -> int:
        """Questions compared."""
        return len(self.before.questions)

    def part(self, chosen: NDArray[np.bool_]) -> "ComparedSamples":
        """The chosen ones [n] of the questions compared."""
        return ComparedSamples(part(self.before, chosen), part(self.after, chosen), n_left_out=0)

    def part_of(self, before: RoutingSample) -> "ComparedSamples":
        """Those of the questions compared that a part of the side before holds."""
        return self.part(np.isin(self.before.questions, before.questions))


@dataclass(frozen=True, eq=False)
class ComparedValues:
    """A metric over both sides."""

    metric: Metric
    samples: ComparedSamples
    before: MetricValues
    after: MetricValues

    @cached_property
    def differing(self) -> Stepwise[MetricValues]:
        """`difference`, for who does not want to wait for it."""
        both = self.samples.before, self.samples.after
        return Stepwise(lambda: paired_difference(self.metric, *both, (self.before, self.after)))

    @property
    def difference(self) -> MetricValues:
        """After less before, with its interval and test."""
        return self.differing.value


def is_compared(state: State) -> bool:
    """Whether the views show a what-if, or what it changed, rather than the baseline alone."""
    return state.trace is not None and state.what_if is not None and state.mode is not Mode.BASELINE


def rows_of(what_if: WhatIf, trace: TraceData) -> tuple[IndexArray, IndexArray]:
    """Row of each question of the trace shown in `before` and in `after` of the what-if [N each]; -1: not compared."""
    return trace.kept(("rows of", what_if), lambda: _rows_of(what_if, trace))


def compared_row(state: State) -> tuple[int, int] | None:
    """Row of the current question in `before` and `after` of the what-if; None where it was not compared."""
    if state.trace is None or state.what_if is None or state.question is None:
        return None
    before, after = (int(rows[state.question]) for rows in rows_of(state.what_if, state.trace))
    return None if after < 0 else (before, after)


def compared_samples(state: State) -> ComparedSamples | None:
    """Both sides over the selection and scope; None without a what-if, or while the baseline alone is shown."""
    trace, what_if = state.trace, state.what_if
    if trace is None or what_if is None or state.mode is Mode.BASELINE:
        return None
    scope, wanted = state.scope, state.filter
    return trace.kept(("compared", what_if, scope, wanted), lambda: _samples(trace, what_if, scope, wanted))


def compared_values(state: State, metric: Metric) -> ComparedValues | None:
    """A metric over both sides of the selection; None as above."""
    samples = compared_samples(state)
    if samples is None or state.trace is None:
        return None
    return state.trace.kept(
        ("compared values", state.what_if, samples, metric.name),
        lambda: ComparedValues(metric, samples, metric.compute(samples.before), metric.compute(samples.after)),
    )


def entropy_difference(samples: ComparedSamples, kind: EntropyKind) -> EntropyCurve:
    """Mean over tokens after less before, nats, and its 95 % interval [L each]; no interval for a single question.

    Questions are paired, and what is drawn at random (`mean_over_tokens`).
    """
    n_tokens = samples.before.routing.n_tokens[samples.before.questions].astype(np.float64)  # [n]
    before, after = (entropy_sums(side, kind) for side in (samples.before, samples.after))  # [n, L]
    mean, half_width = mean_over_tokens(after - before, n_tokens)
    sides = (mean_over_tokens(before, n_tokens)[0], mean_over_tokens(after, n_tokens)[0])
    return EntropyCurve(len(n_tokens), int(n_tokens.sum()), mean, mean - half_width, mean + half_width, sides)


@dataclass(frozen=True, eq=False)
class AnswerChanges:
    """What a what-if changed in each answer of the trace shown [N].

    `predicted` after, -1 where not compared. `gold_logprob`: change of the gold choice's log-probability, nats; NaN
    where not compared or without a gold answer. `flip`: 1 wrong to right, -1 right to wrong, 0 neither.
    """

    predicted: NDArray[np.int8]
    gold_logprob: FloatArray
    flip: NDArray[np.int8]


def answer_changes(what_if: WhatIf, trace: TraceData) -> AnswerChanges:
    """The answers of every question of the trace, before and after."""
    return trace.kept(("answer changes", what_if), lambda: _answer_changes(what_if, trace))


def _shown_rows(what_if: WhatIf, trace: TraceData) -> IndexArray:
    """Row of each pair of questions [n] in the trace shown; each is in it, for it is what was run again."""
    if what_if.before is trace:
        return what_if.comparison.pairs.rows_before
    places = {name: row for row, name in enumerate(trace.table.ids)}
    names = what_if.comparison.pairs.ids
    return np.fromiter((places[name] for name in names), np.intp, len(names))


def _rows_of(what_if: WhatIf, trace: TraceData) -> tuple[IndexArray, IndexArray]:
    pairs, shown = what_if.comparison.pairs, _shown_rows(what_if, trace)
    before, after = np.full((2, len(trace.table.ids)), -1, np.intp)
    before[shown], after[shown] = pairs.rows_before, pairs.rows_after
    return before, after


def _samples(trace: TraceData, what_if: WhatIf, scope: Scope, wanted: QuestionFilter) -> ComparedSamples:
    rows = trace.rows(scope, wanted)
    before, after = (side[rows] for side in rows_of(what_if, trace))
    compared = after >= 0
    return ComparedSamples(
        select(what_if.before.routing(scope), what_if.before.trace, before[compared]),
        select(what_if.after.routing(scope), what_if.after.trace, after[compared]),
        n_left_out=int((~compared).sum()),
    )


def _answer_changes(what_if: WhatIf, trace: TraceData) -> AnswerChanges:
    pairs, shown, n_questions = what_if.comparison.pairs, _shown_rows(what_if, trace), len(trace.table.ids)
    predicted, change = np.full(n_questions, -1, np.int8), np.full(n_questions, np.nan)
    flip = np.zeros(n_questions, np.int8)
    predicted[shown] = pairs.predicted_after
    change[shown[pairs.is_scored]] = gold_logprob_change(pairs)
    was_right, is_right = outcomes_of(pairs)
    flip[shown[pairs.is_scored]] = is_right.astype(np.int8) - was_right
    return AnswerChanges(predicted, change, flip)
