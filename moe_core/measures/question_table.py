"""What a list of questions shows of each: subject, outcome, margin, entropy; one array a column.

Axes: N questions, C choices.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.routing_in_scope import ScopedRouting
from moe_core.traces.reader import Trace
from moe_core.traces.records import Float32Array, Status

FloatArray = NDArray[np.float64]


class Outcome(StrEnum):
    """How a question ended.

    `UNSCORED`: answered, but the quiz names no right choice. `DAMAGED`: its bytes are not those that were written.
    """

    RIGHT = "right"
    WRONG = "wrong"
    UNSCORED = "unscored"
    FAILED = "failed"
    MISSING = "not recorded"
    DAMAGED = "damaged"


OUTCOMES = tuple(Outcome)


@dataclass(frozen=True)
class QuestionTable:
    """One row a question of the trace, in quiz order; NaN or -1 where a question has no such value.

    `outcome` [N] are places in OUTCOMES. `margin`, nats: log-probability of the gold choice less that of the best
    other one, positive where the answer is right, 0 only in a tie. `gold_logprob`, nats. `entropy`, nats: top-k
    entropy at the answer position, mean over layers. `tokens`: length of the whole prompt.
    """

    ids: tuple[str, ...]
    subjects: NDArray[np.str_]
    texts: tuple[str, ...]
    gold: NDArray[np.int8]
    predicted: NDArray[np.int8]
    outcome: NDArray[np.int8]
    margin: FloatArray
    gold_logprob: FloatArray
    entropy: FloatArray
    tokens: NDArray[np.int64]

    @cached_property
    def folded_texts(self) -> tuple[str, ...]:
        """Id and text of each question, each as `folded_line`, with a line break between them."""
        return tuple(
            f"{folded_line(name)}\n{folded_line(text)}" for name, text in zip(self.ids, self.texts, strict=True)
        )

    @cached_property
    def subject_names(self) -> tuple[str, ...]:
        """The subjects, in the order of their first question."""
        return tuple(dict.fromkeys(self.subjects.tolist()))


def question_table(trace: Trace, at_answer: ScopedRouting) -> QuestionTable:
    """The table of an open trace; `at_answer` is its routing in scope `answer`."""
    outcome = outcomes(trace)
    answered = np.isin(outcome, [OUTCOMES.index(kind) for kind in (Outcome.RIGHT, Outcome.WRONG)])
    gold_logprob, best_other = gold_and_best_other(trace.choice_logprobs, trace.gold)
    with np.errstate(invalid="ignore"):  # failed questions hold no numbers, unrecorded ones any at all
        margin = gold_logprob - best_other
        entropy = at_answer.token_sums.topk_entropy.mean(axis=1)
    was_answered = trace.status == Status.ANSWERED
    return QuestionTable(
        ids=trace.ids,
        subjects=trace.subjects,
        texts=trace.texts,
        gold=trace.gold,
        predicted=trace.predicted,
        outcome=outcome,
        margin=np.where(answered, margin, np.nan),
        gold_logprob=np.where(answered, gold_logprob, np.nan),
        entropy=np.where(was_answered, entropy, np.nan),
        tokens=trace.n_prompt_tokens,
    )


def outcomes(trace: Trace) -> NDArray[np.int8]:
    """Place in OUTCOMES of each question [N]."""
    status, gold = trace.status, trace.gold
    is_damaged = np.zeros(len(gold), np.bool_)
    is_damaged[list(trace.damaged)] = True
    conditions = [
        is_damaged,
        status == Status.NOT_RECORDED,
        status != Status.ANSWERED,
        gold < 0,
        trace.predicted == gold,
    ]
    kinds = [Outcome.DAMAGED, Outcome.MISSING, Outcome.FAILED, Outcome.UNSCORED, Outcome.RIGHT]
    places = [np.int8(OUTCOMES.index(kind)) for kind in kinds]
    return np.select(conditions, places, np.int8(OUTCOMES.index(Outcome.WRONG))).astype(np.int8)


def gold_and_best_other(logprobs: Float32Array, gold: NDArray[np.int8]) -> tuple[FloatArray, FloatArray]:
    """Log-probability of the gold choice and of the best other one [N each], nats; noise where there is no gold."""
    values = np.where(np.isnan(logprobs), -np.inf, logprobs).astype(np.float64)  # [N, C]; padding is never the best
    column = np.maximum(gold, 0).astype(np.intp)[:, None]
    of_gold = np.take_along_axis(values, column, axis=1)[:, 0]
    np.put_along_axis(values, column, -np.inf, axis=1)
    return of_gold, values.max(axis=1)


def folded_line(text: str) -> str:
    """The text on one line and without case: what a person typed, or copied from a list, is found in it."""
    if not text.isascii():
        return " ".join(text.casefold().split())
    # The same, several times faster: 14,042 questions are searched while someone types.
    folded = text.lower()
    for blank in "\n\t\r\v\f":
        folded = folded.replace(blank, " ")
    return " ".join(folded.split()) if "  " in folded else folded.strip()
