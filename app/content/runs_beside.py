"""The pinned runs over the questions that all of them answered: accuracies in pairs, metrics, and what differs.

Axes: n questions that all runs answered, L MoE layers, E experts.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.content.grids.compared_grid import DifferenceGrid
from app.content.grids.comparison_values import ComparedSamples, ComparedValues, entropy_difference
from app.content.grids.expert_grid import ExpertGrid
from app.state.state import State
from app.state.trace_data import TraceData
from moe_core.comparison.models_beside import ModelsBeside, common_rows, compare_models
from moe_core.comparison.pairing import pair_questions
from moe_core.errors import ComparisonError, MoeCoreError
from moe_core.measures.entropy_by_layer import EntropyCurve, EntropyKind, entropy_interval
from moe_core.measures.metric import Metric
from moe_core.measures.routing_sample import RoutingSample, select
from moe_core.numbers.difference_tests import holm
from moe_core.numbers.stepwise import in_turn

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class RunsBeside:
    """`names`, `data` and `samples` in the order in which they are shown, `baseline` the place of the one that others
    are compared with. `n_asked`: questions of it that pass the filter, of which some run may lack some.
    """

    names: tuple[str, ...]
    data: tuple[TraceData, ...]
    samples: tuple[RoutingSample, ...]
    found: ModelsBeside
    baseline: int
    n_asked: int
    _known: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """Questions that all of them answered."""
        return self.found.n

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        return tuple((sample.n_layers, sample.n_experts) for sample in self.samples)

    @property
    def are_of_one_shape(self) -> bool:
        """Whether each cell of one run's grid stands for a cell of every other's."""
        return len(set(self.shapes)) == 1

    def corrected_p(self) -> list[float]:
        """p of each run's accuracy against the baseline's, corrected for there being several (Holm); NaN for itself."""
        changes = [model.change for model in self.found.models]
        corrected: list[float] = holm([float("nan") if change is None else change.p for change in changes]).tolist()
        return corrected

    def values(self, metric: Metric, at: int) -> ExpertGrid:
        return self._kept(
            ("values", metric.name, at), lambda: ExpertGrid(metric, metric.compute(self.samples[at]), self.samples[at])
        )

    def why_unlike(self, at: int) -> str:
        """Why nothing of the baseline can be subtracted from a run, in a sentence; empty where it can.

        Cells of other weights are not the same experts, and other prompts not the same tokens.
        """
        return self._kept(("unlike", at), lambda: _why_unlike(self.data[self.baseline], self.data[at]))

    def difference(self, metric: Metric, at: int) -> DifferenceGrid:
        """What a run has more than the baseline, paired by question; of runs that are not unlike."""
        return self._kept(("difference", metric.name, at), lambda: self._difference(metric, at))

    def entropy(self, kind: EntropyKind, at: int) -> EntropyCurve:
        """The entropy of one run's layers, with the interval of its mean; nats."""
        return self._kept(("entropy", kind, at), lambda: entropy_interval(self.samples[at], kind))

    def entropy_change(self, kind: EntropyKind, at: int) -> EntropyCurve:
        """The same of its entropy; nats."""
        return self._kept(("change", kind, at), lambda: entropy_difference(self._pair(at), kind))

    def preparing(self, metric: Metric, kind: EntropyKind, *, differences: bool) -> Iterator[float]:
        """What takes long of one metric and one entropy of all runs, in shares done; kept like all of it."""
        every = range(len(self.samples))
        parts: list[Callable[[], Iterator[float]]] = [sample.counting.steps for sample in self.samples]
        parts += [partial(metric.prepares, sample) for sample in self.samples]
        if kind is EntropyKind.FULL:
            parts += [sample.routing.token_sums.full.steps for sample in self.samples]
        if differences:
            others = (at for at in every if at != self.baseline and not self.why_unlike(at))
            parts += [partial(self._preparing_change, metric, at) for at in others]
        yield from in_turn(*parts)

    def _preparing_change(self, metric: Metric, at: int) -> Iterator[float]:
        yield from self._both(metric, at).differing.steps()

    def _both(self, metric: Metric, at: int) -> ComparedValues:
        before, after = self.values(metric, self.baseline).values, self.values(metric, at).values
        return self._kept(("both", metric.name, at), lambda: ComparedValues(metric, self._pair(at), before, after))

    def _difference(self, metric: Metric, at: int) -> DifferenceGrid:
        assert not self.why_unlike(at)
        both = self._both(metric, at)
        pair = both.samples
        return DifferenceGrid(metric, both.difference, pair.after, both, pair, both.before, self.names[at])

    def _pair(self, at: int) -> ComparedSamples:
        return ComparedSamples(self.samples[self.baseline], self.samples[at], self.n_asked - self.n)

    def _kept(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        if key not in self._known:
            self._known[key] = compute()
        found: Result = self._known[key]
        return found


def runs_beside(state: State) -> RunsBeside | None:
    """The pinned runs of a state that can be read; None where there are not two of them.

    Raises ComparisonError where they have no question in common, and TraceError where one cannot be read any more.
    """
    runs = [(run.path, run.data) for run in state.runs if run.data is not None]
    if len(runs) < 2:
        return None
    data = tuple(found for _, found in runs)
    baseline = next((at for at, (path, _) in enumerate(runs) if path == state.pins.baseline), 0)
    order = [baseline, *(at for at in range(len(runs)) if at != baseline)]
    first = [data[at].trace for at in order]
    among = _wanted(state)
    rows = common_rows(first, among)
    found = compare_models(first, state.scope, among)
    samples = [select(data[at].routing(state.scope), data[at].trace, of) for at, of in zip(order, rows, strict=True)]
    back = [order.index(at) for at in range(len(runs))]
    in_order = tuple(found.models[at] for at in back)
    return RunsBeside(
        run_names(state, data),
        data,
        tuple(samples[at] for at in back),
        ModelsBeside(found.scope, found.n, found.n_scored, in_order),
        baseline,
        int(first[0].recorded.sum()) if among is None else sum(name in among for name in first[0].ids),
    )


def run_names(state: State, data: tuple[TraceData, ...]) -> tuple[str, ...]:
    """What each run is called: as the history of the trace shown calls it, else by its file; no two alike."""
    titles = {made.after.path.absolute(): made.title for made in state.history}
    called = names = [titles.get(each.path.absolute(), each.path.stem) for each in data]
    for n_parts in (1, 2, 99):  # two that are called alike are told by file, then folder
        longer = [f"{name} ({_end(of.path, n_parts)})" for name, of in zip(called, data, strict=True)]
        names = [far if names.count(name) > 1 else name for name, far in zip(names, longer, strict=True)]
    return tuple(names)


def _end(path: Path, n_parts: int) -> str:
    return "/".join(path.with_suffix("").parts[-n_parts:])


def problems_of(state: State) -> list[str]:
    """Why pinned runs cannot be shown, or are not what their files are by now: a sentence each."""
    missing = [run.problem for run in state.runs if run.data is None]
    replaced = [
        f"{run.path.name} was deleted, moved or replaced since it was pinned: pin it again."
        for run in state.runs
        if run.data is not None and not run.data.trace.has_its_name
    ]
    return missing + replaced


def _why_unlike(before: TraceData, after: TraceData) -> str:
    try:
        pair_questions(before.trace, after.trace)
    except ComparisonError as error:
        return str(error)
    return ""


def _wanted(state: State) -> frozenset[str] | None:
    """Ids that pass the filter of the trace shown; None where everything does."""
    if state.trace is None or state.filter.is_empty:
        return None
    try:
        rows = state.trace.rows(state.scope, state.filter)
    except MoeCoreError:  # its file is gone; the other views say so
        return None
    ids = state.trace.table.ids
    return frozenset(ids[row] for row in rows.tolist())
