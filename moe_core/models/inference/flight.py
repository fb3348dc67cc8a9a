"""What has run of prefixes and of a batch behind them, and may still be on its way off the device."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from moe_core.models.inference.answer_alone import AnswersBehind
from moe_core.models.inference.batch import Batch
from moe_core.models.inference.batch_routing import BatchRouting
from moe_core.traces.records import PrefixRecord


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
        assert self.routing is not None
        return [PrefixRecord(n, self.routing.segment(row)) for row, n in enumerate(self.indices) if n in wanted]


@dataclass(frozen=True)
class Flight:
    """A batch that runs, or has run: what it was, what came before it, and its routing, which may still be computed."""

    batch: Batch
    prefixes: RanPrefixes
    routing: BatchRouting | AnswersBehind | None
    ran_before: tuple[RanPrefixes, ...] = ()


NO_PREFIXES = RanPrefixes()
