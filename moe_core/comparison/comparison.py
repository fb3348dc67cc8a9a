"""Two traces of the same questions, before and after an intervention, compared question by question.

Axes: n questions compared, L MoE layers, K chosen experts, T tokens of one prompt, C choices.
"""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from moe_core.comparison.pairing import QuestionPairs, pair_questions, remarks
from moe_core.errors import ComparisonError
from moe_core.interventions.intervention import Intervention
from moe_core.measures.cube import blocks
from moe_core.measures.question_table import gold_and_best_other
from moe_core.numbers.difference_tests import holm
from moe_core.numbers.paired_statistics import MeanChange, PairedChange, mean_change, paired_change
from moe_core.traces.reader import Trace
from moe_core.traces.records import ExpertIds
from moe_core.traces.specification import Specification

FloatArray = NDArray[np.float64]

SUBJECT_CORRECTION = "Holm"
MAX_TOKENS = 50_000  # enough for a share to three digits; all of MMLU's would be read for minutes


@dataclass(frozen=True)
class SubjectChange:
    """One subject's change; `corrected_p` allows for there being several subjects (Holm)."""

    name: str
    change: PairedChange
    corrected_p: float


@dataclass(frozen=True)
class RoutingChange:
    """How far routing moved. `answer_overlap` [L]: share of the K experts at the answer position that stayed, mean
    over questions; 1 where none changed.

    `tokens_rerouted` [L]: share of prompt tokens with another set of experts, over `n_tokens` tokens of questions
    spread evenly over the quiz; None where a trace keeps no tokens.
    """

    answer_overlap: FloatArray
    tokens_rerouted: FloatArray | None
    n_tokens: int


@dataclass(frozen=True)
class Comparison:
    """Everything that changed between two traces; accuracies, flips and gold log-probability over the scored questions.

    `right_to_wrong` and `wrong_to_right` are ids in quiz order. `n_changed`: questions with another prediction, right
    or wrong. `gold_logprob` is the mean change of the gold choice's log-probability, nats. `remarks` say what else
    differs between the runs than the intervention.
    """

    pairs: QuestionPairs
    before: Specification
    after: Specification
    accuracy: PairedChange
    right_to_wrong: tuple[str, ...]
    wrong_to_right: tuple[str, ...]
    n_changed: int
    subjects: tuple[SubjectChange, ...]
    gold_logprob: MeanChange
    routing: RoutingChange
    remarks: tuple[str, ...]

    @property
    def n(self) -> int:
        """Questions compared, those without a gold answer included."""
        return len(self.pairs.ids)

    @property
    def gold_logprobs(self) -> tuple[float, float]:
        """Mean log-probability of the gold choice before and after, nats; NaN where no question is scored."""
        sides = _gold_logprobs(self.pairs)
        return (float(sides[0].mean()), float(sides[1].mean())) if len(sides[0]) else (nan, nan)

    @property
    def intervention_before(self) -> Intervention:
        """What the first run did to the experts; empty for a baseline."""
        return self.before.actions

    @property
    def intervention_after(self) -> Intervention:
        """What the second run did to the experts."""
        return self.after.actions


def compare(before: Trace, after: Trace, *, max_tokens: int = MAX_TOKENS) -> Comparison:
    """The paired comparison; raises ComparisonError for unlike traces, naming the difference.

    At most about `max_tokens` prompt tokens are read to see which were re-routed.
    """
    pairs = pair_questions(before, after)
    if not pairs.ids:
        raise ComparisonError(
            f"{before.path.name} and {after.path.name} share no question that both have answered: "
            f"{pairs.n_unrecorded:,} are missing or damaged, and {pairs.n_failed:,} failed."
        )
    right_before, right_after = outcomes_of(pairs)
    ids = np.array(pairs.ids)[pairs.is_scored]
    return Comparison(
        pairs=pairs,
        before=before.specification,
        after=after.specification,
        accuracy=paired_change(right_before, right_after),
        right_to_wrong=tuple(ids[right_before & ~right_after].tolist()),
        wrong_to_right=tuple(ids[~right_before & right_after].tolist()),
        n_changed=int((pairs.predicted_before != pairs.predicted_after).sum()),
        subjects=_by_subject(pairs.subjects[pairs.is_scored], right_before, right_after),
        gold_logprob=mean_change(gold_logprob_change(pairs)),
        routing=_routing_change(before, after, pairs, max_tokens),
        remarks=tuple(remarks(before.specification, after.specification)),
    )


def outcomes_of(pairs: QuestionPairs) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each scored question was right before [n], and after [n]."""
    gold = pairs.gold[pairs.is_scored]
    return pairs.predicted_before[pairs.is_scored] == gold, pairs.predicted_after[pairs.is_scored] == gold


def gold_logprob_change(pairs: QuestionPairs) -> FloatArray:
    """Change of the gold choice's log-probability of each scored question [n], nats; negative: less likely after."""
    before, after = _gold_logprobs(pairs)
    return after - before


def _gold_logprobs(pairs: QuestionPairs) -> tuple[FloatArray, FloatArray]:
    scored = pairs.is_scored
    before, _ = gold_and_best_other(pairs.logprobs_before[scored], pairs.gold[scored])
    after, _ = gold_and_best_other(pairs.logprobs_after[scored], pairs.gold[scored])
    return before, after


def _by_subject(
    subjects: NDArray[np.str_], right_before: NDArray[np.bool_], right_after: NDArray[np.bool_]
) -> tuple[SubjectChange, ...]:
    """Each subject's change, in the order of its first question."""
    names = list(dict.fromkeys(subjects.tolist()))
    changes = [paired_change(right_before[subjects == name], right_after[subjects == name]) for name in names]
    corrected = holm([change.p for change in changes]).tolist()
    return tuple(SubjectChange(*row) for row in zip(names, changes, corrected, strict=True))


def _routing_change(before: Trace, after: Trace, pairs: QuestionPairs, max_tokens: int) -> RoutingChange:
    overlap = _overlap(before.answer_experts, after.answer_experts, pairs)
    if not (before.dimensions.keeps_tokens and after.dimensions.keeps_tokens):
        return RoutingChange(overlap, None, 0)
    rerouted, n_tokens = np.zeros(before.dimensions.n_layers, np.int64), 0
    for at in _spread(before.n_prompt_tokens[pairs.rows_before], max_tokens):
        first = before.token_routing(int(pairs.rows_before[at])).experts  # [T, L, K]
        second = after.token_routing(int(pairs.rows_after[at])).experts
        rerouted += (np.sort(first, axis=-1) != np.sort(second, axis=-1)).any(axis=-1).sum(axis=0)
        n_tokens += len(first)
    return RoutingChange(overlap, rerouted / n_tokens, n_tokens)


def _overlap(ours: ExpertIds, theirs: ExpertIds, pairs: QuestionPairs) -> NDArray[np.float64]:
    """Share of the chosen experts [N, L, K] that are chosen on the other side, too [L]."""
    _, L, K = ours.shape
    stayed = np.zeros(L)
    for rows in blocks(len(pairs.rows_before), L * K * K):
        first, second = ours[pairs.rows_before[rows]], theirs[pairs.rows_after[rows]]  # [b, L, K]
        stayed += (first[..., :, None] == second[..., None, :]).any(axis=-1).sum(axis=(0, 2))
    share: NDArray[np.float64] = stayed / (len(pairs.rows_before) * K)
    return share


def _spread(n_tokens: NDArray[np.int64], max_tokens: int) -> list[int]:
    """Places of questions, evenly spaced, that hold about `max_tokens` tokens in all; at least one."""
    n_chosen = max(1, min(len(n_tokens), int(max_tokens / n_tokens.mean())))
    places: list[int] = np.unique(np.linspace(0, len(n_tokens) - 1, n_chosen).round().astype(int)).tolist()
    return places
