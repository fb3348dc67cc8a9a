"""The tokens of a selection of questions in one scope, read from the token rows: all of them, or an even sample.

Axes: N questions, T token rows, L MoE layers, K chosen experts.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.scope import Scope
from moe_core.traces.layout import Segments
from moe_core.traces.reader import Trace
from moe_core.traces.records import ExpertIds

MOST_TOKENS = 200_000
MOST_BYTES = 96 * 2**20
_LARGEST_TABLE = 2**22


@dataclass(frozen=True)
class TokenSample:
    """Token rows: `ids` [T], `experts` and `weights` [L, T, K]; a layer's rows lie together.

    `times` [T]: in how many questions' prompts the row stands; a shared prefix is read once and counts for each, as
    in every metric; 0 where the file is damaged. `questions` were read, of `n_selected` in the selection that were
    answered; `n_unreadable` segments are damaged. `next_ids` [T] are the tokens that
    follow, -1 at the end of a segment.
    """

    scope: Scope
    ids: NDArray[np.int32]
    times: NDArray[np.float64]
    experts: ExpertIds
    weights: NDArray[np.float16]
    questions: NDArray[np.intp]
    n_selected: int
    n_unreadable: int = 0
    next_ids: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    _used: dict[int, NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_tokens(self) -> int:
        """Tokens that these rows stand for."""
        return int(self.times.sum())

    @property
    def is_whole(self) -> bool:
        """Whether every answered question of the selection was read."""
        return len(self.questions) == self.n_selected

    @cached_property
    def distinct(self) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """Distinct token ids, ascending, and the place of each row's id among them [T]."""
        if len(self.ids) and self.ids.min() >= 0 and self.ids.max() < _LARGEST_TABLE:
            is_there = np.zeros(int(self.ids.max()) + 1, np.bool_)  # twenty times as fast as sorting
            is_there[self.ids] = True
            return np.flatnonzero(is_there).astype(np.int32), (np.cumsum(is_there) - 1)[self.ids]
        ids, places = np.unique(self.ids, return_inverse=True)
        return ids, places.reshape(-1)

    @cached_property
    def occurrences(self) -> NDArray[np.float64]:
        """How often each distinct token stands in the prompts."""
        ids, places = self.distinct
        return weighted_counts(places, self.times, len(ids))

    @cached_property
    def segments(self) -> NDArray[np.intp]:
        """Of which segment, counted from 0, each row is [T]; every row its own one where none is said to follow."""
        if len(self.next_ids) != len(self.ids):
            return np.arange(len(self.ids))
        return np.concatenate(([0], np.cumsum(self.next_ids < 0)))[: len(self.ids)]

    def used(self, layer: int, n_experts: int) -> NDArray[np.float64]:
        """Tokens that chose each expert of the layer [E]."""
        if layer not in self._used:
            chosen = self.experts[layer]
            counts = np.bincount(chosen.reshape(-1), minlength=n_experts).astype(np.float64)
            # Nearly all rows count once: weights are needed for shared prefixes and damaged rows alone.
            others = np.flatnonzero(self.times != 1)
            weights = np.repeat(self.times[others] - 1, chosen.shape[1])
            self._used[layer] = counts + weighted_counts(chosen[others].reshape(-1), weights, n_experts)
        return self._used[layer]

    def choosing(self, layer: int, expert: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows whose token chose the expert, and the rank it has there; a token chooses an expert at most once."""
        chosen = self.experts[layer]
        places = np.flatnonzero(chosen.reshape(-1) == expert)
        return places // chosen.shape[1], places % chosen.shape[1]


@dataclass(frozen=True)
class _Part:
    """One segment to read: of which question, how long it is, and how often it counts."""

    question: int
    segments: Segments
    n_tokens: int
    times: int


def read_token_sample(
    trace: Trace, selection: RoutingSample, most_tokens: int = MOST_TOKENS, most_bytes: int = MOST_BYTES
) -> Generator[float, None, TokenSample]:
    """Yields the share done, 0..1, after each segment read, and returns the sample.

    Where the selection has more than `most_tokens` rows, or these would take more than `most_bytes`, questions spread
    evenly over it are read, so that every subject has its share. A trace that keeps no token rows gives those of the
    answer position, and so does scope `answer`.
    """
    if selection.scope is Scope.ANSWER or not trace.dimensions.keeps_tokens:
        return _at_answer(trace, selection.questions)
    row_bytes = (
        trace.dimensions.n_layers * trace.dimensions.top_k * (np.dtype(trace.dimensions.expert_dtype).itemsize + 2)
    )
    limit = min(most_tokens, most_bytes // row_bytes)
    questions = evenly_spread(trace, selection, limit)
    return (yield from _read(trace, selection, questions))


def weighted_counts(places: NDArray[Any], weights: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Sum of the weights at each place 0 .. n - 1."""
    return np.bincount(places, weights, n).astype(np.float64)


def evenly_spread(trace: Trace, selection: RoutingSample, limit: int) -> NDArray[np.intp]:
    """About as many questions of the selection as `limit` token rows are enough for, evenly spread; at least one."""
    questions = selection.questions
    own, shared = int(trace.n_own_tokens[questions].sum()), 0
    if selection.scope is Scope.PROMPT:
        shared = sum(part.n_tokens for part in _prefix_parts(trace, questions))
    if own + shared <= limit:
        return questions
    n = max(1, int(len(questions) * (limit - shared) / own))
    return questions[np.linspace(0, len(questions) - 1, n).round().astype(np.intp)]


def _at_answer(trace: Trace, questions: NDArray[np.intp]) -> TokenSample:
    return TokenSample(
        scope=Scope.ANSWER,
        ids=trace.answer_token_ids[questions],
        times=np.ones(len(questions)),
        experts=trace.answer_experts[questions].swapaxes(0, 1).copy(),
        weights=trace.answer_weights[questions].swapaxes(0, 1).copy(),
        questions=questions,
        n_selected=len(questions),
        next_ids=np.full(len(questions), -1, np.int32),
    )


def _prefix_parts(trace: Trace, questions: NDArray[np.intp]) -> list[_Part]:
    """The distinct prefixes of the questions, each with the number of questions that share it."""
    prefix = trace.prefix[questions]
    shared, first, times = np.unique(prefix, return_index=True, return_counts=True)
    n_tokens = (trace.n_prompt_tokens - trace.n_own_tokens)[questions[first]]
    return [
        _Part(int(question), Segments.PREFIXES, int(length), int(n))
        for index, question, length, n in zip(shared, questions[first], n_tokens, times, strict=True)
        if index >= 0
    ]


def _read(trace: Trace, selection: RoutingSample, questions: NDArray[np.intp]) -> Generator[float, None, TokenSample]:
    parts = [_Part(int(row), Segments.QUESTIONS, int(trace.n_own_tokens[row]), 1) for row in questions]
    if selection.scope is Scope.PROMPT:
        parts = _prefix_parts(trace, questions) + parts
    T, d = sum(part.n_tokens for part in parts), trace.dimensions
    ids, times, next_ids = np.zeros(T, np.int32), np.zeros(T), np.full(T, -1, np.int32)
    experts = np.zeros((d.n_layers, T, d.top_k), d.expert_dtype)
    weights = np.zeros((d.n_layers, T, d.top_k), np.float16)
    start = n_unreadable = 0
    for part in parts:
        rows = slice(start, start + part.n_tokens)
        try:
            tokens = trace.segment_tokens(part.question, part.segments)
        except TraceError:
            n_unreadable += 1
        else:
            ids[rows], times[rows] = tokens.ids, part.times
            next_ids[start : rows.stop - 1] = tokens.ids[1:]
            experts[:, rows] = tokens.routing.experts.swapaxes(0, 1)
            weights[:, rows] = tokens.routing.weights.swapaxes(0, 1)
        start = rows.stop
        yield start / max(T, 1)
    n_selected = len(selection.questions)
    sample = TokenSample(selection.scope, ids, times, experts, weights, questions, n_selected, n_unreadable, next_ids)
    for make in (lambda: sample.distinct, lambda: sample.occurrences):  # who asks for them later need not wait then
        make()
        yield 1.0
    return sample
