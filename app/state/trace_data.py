"""An open trace, and what views ask of it: computed once for each scope and filter, then kept."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.layers import Layers
from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter, matching
from moe_core.measures.question_table import QuestionTable, question_table
from moe_core.measures.routing_in_scope import ScopedRouting, routing_in_scope
from moe_core.measures.routing_sample import RoutingSample, select
from moe_core.measures.scope import Scope
from moe_core.numbers.stepwise import in_turn
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.specification import Specification

Result = TypeVar("Result")
_MOST_RECENT = 12


class TraceData:
    """A trace with caches. Whoever knows that the file grew calls `refresh` and counts `State.revision` up."""

    def __init__(self, path: Path) -> None:
        """Opens the trace; raises TraceError with one sentence for a file that is none."""
        self.trace: Trace = open_trace(path)
        self._routing: dict[Scope, ScopedRouting] = {}
        self._recent: OrderedDict[Hashable, Any] = OrderedDict()
        self._table: QuestionTable | None = None

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.trace.path

    @property
    def specification(self) -> Specification:
        """The run that this trace is of."""
        return self.trace.specification

    @property
    def fingerprint(self) -> str:
        """Tells this recording from every other one, copies of its file aside."""
        return self.trace.specification.fingerprint

    @property
    def layers(self) -> Layers:
        """The model's own numbers of the layers."""
        return self.trace.specification.model.layers

    @property
    def table(self) -> QuestionTable:
        """One row a question."""
        if self._table is None:
            self._table = question_table(self.trace, self.routing(Scope.ANSWER))
        return self._table

    def reading(self) -> Iterator[float]:
        """What every view needs, in steps: the checksums of all rows, and the table. Yields shares done."""
        yield from in_turn(self.trace.checking, self.trace.reading_texts.steps)
        _ = self.table

    def routing(self, scope: Scope) -> ScopedRouting:
        """Every question's routing in one scope."""
        if scope not in self._routing:
            self._routing[scope] = routing_in_scope(self.trace, scope)
        return self._routing[scope]

    def rows(self, scope: Scope, wanted: QuestionFilter = EVERYTHING) -> NDArray[np.intp]:
        """Rows of the questions that pass the filter, in quiz order; failed and unrecorded ones among them."""
        return self.kept(("rows", scope, wanted), lambda: matching(wanted, self.table, self.routing(scope)))

    def sample(self, scope: Scope, wanted: QuestionFilter = EVERYTHING) -> RoutingSample:
        """The routing of the questions that pass the filter, as metrics take it."""
        return self.kept(("sample", scope, wanted), lambda: self._select(scope, wanted))

    def values(self, metric: Metric, scope: Scope, wanted: QuestionFilter = EVERYTHING) -> MetricValues:
        """A metric over the questions that pass the filter."""
        return self.kept(("values", metric.name, scope, wanted), lambda: metric.compute(self.sample(scope, wanted)))

    def refresh(self) -> None:
        """Look again at a file that may have grown; raises TraceError, and forgets nothing, where it cannot be read."""
        self.trace.refresh()
        self.forget()

    def forget(self) -> None:
        """Give back the memory of what was read and computed; whoever asks again waits for it again."""
        self.trace.forget()
        self._routing.clear()
        self._recent.clear()
        self._table = None

    def forget_about(self, thing: Hashable) -> None:
        """Give back the memory of what was computed for a key that names this."""
        for key in [key for key in self._recent if isinstance(key, tuple) and thing in key]:
            del self._recent[key]

    def close(self) -> None:
        """Let go of the file; what was read stays usable."""
        self.trace.close()

    def _select(self, scope: Scope, wanted: QuestionFilter) -> RoutingSample:
        whole = None if wanted.is_empty else self.sample(scope)
        return select(self.routing(scope), self.trace, self.rows(scope, wanted), whole=whole)

    def kept(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """What `compute` returns, or returned for the same key before, as long as the file did not grow."""
        if key not in self._recent:
            self._recent[key] = compute()
            while len(self._recent) > _MOST_RECENT * 3:
                self._recent.popitem(last=False)
        self._recent.move_to_end(key)
        value: Result = self._recent[key]
        return value
