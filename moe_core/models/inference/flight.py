"""What has run of prefixes and of a batch behind them, and may still be on its way off the device."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.watching.batch_routing import BatchRouting
from moe_core.traces.records import Answer, PrefixRecord, SegmentRouting


@dataclass(frozen=True)
class RanPrefixes:
    """Shared prefixes that have run together: keys and values, each one's at the right end of its row, and routing."""

    indices: tuple[int, ...] = ()
    cache: Any = None
    routing: BatchRouting | None = None

    def is_finite(self, prefix: int) -> bool:
        return self.routing is None or self.routing.is_finite(self.indices.index(prefix))

    def without_cache(self) -> "RanPrefixes":
        """What is to be told of them, when nothing runs behind them any more."""
        return replace(self, cache=None)

    def records(self, wanted: Collection[int]) -> list[PrefixRecord]:
        """Those of them that are wanted."""
        there = [(n, row) for row, n in enumerate(self.indices) if n in wanted]
        return [PrefixRecord(n, self.routing.segment(row)) for n, row in there] if self.routing is not None else []


@dataclass(frozen=True)
class AnswersBehind:
    """The routing of a batch in two passes, with the methods of one: its `context`, and then `answers`.

    The rows of the batch are the `n_rows` of those answers from the `first` on.
    """

    context: BatchRouting
    answers: BatchRouting
    first: int
    n_rows: int

    def is_finite(self, row: int) -> bool:
        """Whether all router logits of a row were finite."""
        return self.context.is_finite(row) and self.answers.is_finite(self.first + row)

    def segment(self, number: int) -> SegmentRouting:
        """The routing of one span's tokens: of a row's own, the answer's is the last."""
        before = self.context.segment(number)
        return before.followed_by(self.answers.segment(self.first + number)) if number < self.n_rows else before

    def answer(self, row: int, n_choices: int, *, prefix_finite: bool, in_smaller_batch: bool) -> Answer:
        """The answer of one row, or the reason why there is none."""
        finite = prefix_finite and self.context.is_finite(row)
        answered = self.first + row
        return self.answers.answer(answered, n_choices, prefix_finite=finite, in_smaller_batch=in_smaller_batch)


@dataclass(frozen=True)
class Flight:
    """A batch that runs, or has run: what it was, its prefixes, and its routing, which may still be computed."""

    batch: Batch
    prefixes: RanPrefixes
    routing: BatchRouting | AnswersBehind | None


NO_PREFIXES = RanPrefixes()
