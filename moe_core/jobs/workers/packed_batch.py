"""The records of batches as a few large arrays, in which they travel from a worker, and cut apart again.

Axes: Q questions and P prefixes, S = Q + P segments, questions first; T tokens of all segments, one behind the other;
L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.models.inference.planning.batches import BatchRan
from moe_core.traces.records import (
    Answer,
    PrefixRecord,
    QuestionRecord,
    SegmentRouting,
    SegmentSums,
    Status,
    TokenRouting,
)

Arrays = dict[str, NDArray[Any]]
_ANSWER_ARRAYS = ("experts", "weights", "router_probs", "choice_logprobs")
_ANSWER_NUMBERS = ("predicted", "status", "in_smaller_batch")


@dataclass(frozen=True, eq=False)
class PackedBatch:
    """`questions` [Q] and `prefixes` [P] are their numbers; `sums` [S, L, ..] and `answers` [Q, ..] by field name.

    `token_stops` [S] say where each segment's `experts` and `weights` [T, L, K] end; all three are empty where only the
    answer position is kept.
    """

    questions: NDArray[np.int64]
    prefixes: NDArray[np.int64]
    sums: Arrays
    answers: Arrays
    token_stops: NDArray[np.int64]
    experts: NDArray[Any]
    weights: NDArray[Any]

    @property
    def nbytes(self) -> int:
        """What travels, in bytes."""
        arrays = (self.questions, self.prefixes, self.token_stops, self.experts, self.weights)
        return sum(array.nbytes for array in (*arrays, *self.sums.values(), *self.answers.values()))

    def unpacked(self, questions: Sequence[int], prefixes: Sequence[int], node: str) -> BatchRan:
        """The records, cut out and not copied; `questions` and `prefixes` translate the numbers of a part of a quiz."""
        numbers, n = self.questions.tolist(), len(self.questions)
        asked = tuple(
            QuestionRecord(questions[number], self._routing(row), self._answer(row))
            for row, number in enumerate(numbers)
        )
        shared = tuple(
            PrefixRecord(prefixes[number], self._routing(n + row)) for row, number in enumerate(self.prefixes.tolist())
        )
        return BatchRan(shared, asked, node)

    def _routing(self, segment: int) -> SegmentRouting:
        sums = SegmentSums(**{name: values[segment] for name, values in self.sums.items()})
        if not len(self.token_stops):
            return SegmentRouting(sums, None)
        own = slice(int(self.token_stops[segment - 1]) if segment else 0, int(self.token_stops[segment]))
        return SegmentRouting(sums, TokenRouting(self.experts[own], self.weights[own]))

    def _answer(self, row: int) -> Answer:
        arrays = {name: self.answers[name][row] for name in _ANSWER_ARRAYS}
        predicted, status, is_part = (int(self.answers[name][row]) for name in _ANSWER_NUMBERS)
        return Answer(**arrays, predicted=predicted, status=Status(status), in_smaller_batch=bool(is_part))


def packed(batches: Iterable[BatchRan]) -> PackedBatch:
    """The records of these batches together, as one for each field."""
    ran = list(batches)
    questions = [record for batch in ran for record in batch.questions]
    prefixes = [record for batch in ran for record in batch.prefixes]
    segments = [record.routing for record in questions] + [record.routing for record in prefixes]
    tokens = [segment.tokens for segment in segments if segment.tokens is not None]
    none = np.zeros((0, 0, 0), np.uint8)
    return PackedBatch(
        questions=np.array([record.question for record in questions], np.int64),
        prefixes=np.array([record.prefix for record in prefixes], np.int64),
        sums=_stacked([vars(segment.sums) for segment in segments], [field.name for field in fields(SegmentSums)]),
        answers=_stacked([vars(record.answer) for record in questions], (*_ANSWER_ARRAYS, *_ANSWER_NUMBERS)),
        token_stops=np.cumsum([len(each.experts) for each in tokens], dtype=np.int64),
        experts=np.concatenate([each.experts for each in tokens]) if tokens else none,
        weights=np.concatenate([each.weights for each in tokens]) if tokens else none,
    )


def _stacked(rows: Sequence[dict[str, Any]], names: Iterable[str]) -> Arrays:
    return {name: np.stack([row[name] for row in rows]) for name in names} if rows else {}
