"""Several models on the same questions: accuracy in pairs, and whether what is found of one's routing holds for others.

Models differ in layers, experts and choices per token, so entropies are shares of ln K, and layers stand at their
relative depth. Axes: n questions that all traces answered, L MoE layers of one model, E experts, K chosen experts.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from math import log, nan

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ComparisonError
from moe_core.measures.routing_in_scope import ScopedRouting, routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.numbers.intervals import Proportion, proportion_95
from moe_core.numbers.paired_statistics import PairedChange, paired_change
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status
from moe_core.traces.specification import Specification

FloatArray = NDArray[np.float64]
FIFTHS = 5
_BLOCKS = 20  # of questions: each left out once for the intervals
_Z = 1.96


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval over questions (jackknife over blocks of them); NaN where nothing is there.

    Where no block changes the number its spread is not 0 but unknown, and so are the ends: NaN.
    """

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class _Totals:
    """Tokens by expert [L, E], sums of entropies [L] and the number of tokens over some questions."""

    counts: FloatArray
    entropies: FloatArray
    n_tokens: float

    def without(self, part: "_Totals") -> "_Totals":
        return _Totals(self.counts - part.counts, self.entropies - part.entropies, self.n_tokens - part.n_tokens)


@dataclass(frozen=True)
class ModelRouting:
    """One model's routing: the share of experts never used, the evenness of loads (entropy of an expert's share of the
    tokens over ln E, mean over layers), and the entropy of gate weights over ln K: of all layers and by fifths of the
    depth. `layers` are the model's own numbers, `entropy_by_layer` [L] and `evenness_by_layer` [L] their values.
    """

    never_used: Estimate
    evenness: Estimate
    entropy: Estimate
    entropy_by_fifth: tuple[Estimate, ...]
    layers: tuple[int, ...]
    entropy_by_layer: tuple[float, ...]
    evenness_by_layer: tuple[float, ...]


@dataclass(frozen=True)
class ModelBeside:
    """One trace: its run, its accuracy, the change against the first trace (None for the first), its routing."""

    name: str
    run: Specification
    accuracy: Proportion
    change: PairedChange | None
    routing: ModelRouting


@dataclass(frozen=True)
class ModelsBeside:
    """All traces over the questions that each of them holds and answered; `n_scored` have a right answer."""

    scope: Scope
    n: int
    n_scored: int
    models: tuple[ModelBeside, ...]

    @property
    def unseen_at_most(self) -> float:
        """The largest share of questions that may still use an expert that none of these used (Wilson 95 %)."""
        return proportion_95(0, self.n).upper


def compare_models(
    traces: Sequence[Trace], scope: Scope = Scope.ANSWER, among: Collection[str] | None = None
) -> ModelsBeside:
    """The traces beside each other, the first as the one that others are compared with; over the ids in `among` alone.

    Raises ComparisonError where there are fewer than two, where they share no answered question, or where a question
    of the same id is another one.
    """
    if len(traces) < 2:
        raise ComparisonError("At least two traces are needed to compare models.")
    rows = common_rows(traces, among)
    scored = np.flatnonzero(traces[0].gold[rows[0]] >= 0)
    right = [_is_right(trace, of)[scored] for trace, of in zip(traces, rows, strict=True)]
    models = tuple(
        ModelBeside(
            trace.path.name,
            trace.specification,
            proportion_95(int(right[at].sum()), len(scored)),
            paired_change(right[0], right[at]) if at else None,
            _routing(trace, of, scope),
        )
        for at, (trace, of) in enumerate(zip(traces, rows, strict=True))
    )
    return ModelsBeside(scope, len(rows[0]), len(scored), models)


def common_rows(traces: Sequence[Trace], among: Collection[str] | None = None) -> list[NDArray[np.intp]]:
    """Rows [n] in each trace of the questions that all of them answered, in the first one's order; of ids in `among`.

    Raises ComparisonError where there are none, or where a question of the same id is another one.
    """
    answered = [
        {trace.ids[row]: row for row in np.flatnonzero(trace.recorded & (trace.status == Status.ANSWERED)).tolist()}
        for trace in traces
    ]
    shared = [name for name in answered[0] if all(name in other for other in answered[1:])]
    if not shared:
        raise ComparisonError("These traces have no question in common that all of them answered.")
    if among is not None and not (shared := [name for name in shared if name in among]):
        raise ComparisonError("None of the questions that pass the filter was answered in all of these traces.")
    for trace, rows in zip(traces[1:], answered[1:], strict=True):
        if trace.specification.quiz.fingerprint == traces[0].specification.quiz.fingerprint:
            continue  # the same questions, every one of them
        for name in shared:
            if _asked(traces[0], answered[0][name]) != _asked(trace, rows[name]):
                raise ComparisonError(
                    f"Question {name} is another one in {trace.path.name} than in {traces[0].path.name}."
                )
    return [np.array([rows[name] for name in shared], dtype=np.intp) for rows in answered]


def _asked(trace: Trace, row: int) -> tuple[object, ...]:
    content = trace.content(row)
    return content.text, content.choices, int(trace.gold[row])


def _is_right(trace: Trace, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = trace.predicted[rows] == trace.gold[rows]
    return right


def _routing(trace: Trace, rows: NDArray[np.intp], scope: Scope) -> ModelRouting:
    model, routing = trace.specification.model, routing_in_scope(trace, scope)
    depth = np.array(model.layers) / max(1, *model.layers)
    fifth = np.minimum((depth * FIFTHS).astype(int), FIFTHS - 1)
    blocks = np.array_split(np.random.default_rng(0).permutation(rows), min(_BLOCKS, len(rows)))
    parts = [_totals(routing, block) for block in blocks]
    whole = _totals(routing, rows)
    nats = log(model.top_k) if model.top_k > 1 else float("nan")  # one expert has no share to be uneven

    def estimate(statistic: Callable[[_Totals], float]) -> Estimate:
        return _jackknife(whole, parts, statistic)

    return ModelRouting(
        never_used=estimate(lambda of: float((of.counts == 0).mean())),
        evenness=estimate(lambda of: float(_evenness(of.counts).mean())),
        entropy=estimate(lambda of: float(of.entropies.mean() / of.n_tokens / nats)),
        entropy_by_fifth=tuple(estimate(partial(_entropy_of, at=fifth == part, nats=nats)) for part in range(FIFTHS)),
        layers=model.layers,
        entropy_by_layer=tuple((whole.entropies / whole.n_tokens / nats).tolist()),
        evenness_by_layer=tuple(_evenness(whole.counts).tolist()),
    )


def _entropy_of(of: _Totals, at: NDArray[np.bool_], nats: float) -> float:
    return float(of.entropies[at].mean() / of.n_tokens / nats) if at.any() else float("nan")


def _totals(routing: ScopedRouting, rows: NDArray[np.intp]) -> _Totals:
    return _Totals(
        routing.token_count[rows].sum(axis=0, dtype=np.float64),
        routing.token_sums.topk_entropy[rows].sum(axis=0),
        float(routing.n_tokens[rows].sum()),
    )


def _evenness(counts: FloatArray) -> FloatArray:
    """Entropy of each layer's loads over ln E [L]: 1 where all experts get alike, 0 where one gets all."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    logs = np.log(np.where(share > 0, share, 1.0))
    found: FloatArray = -(share * logs).sum(axis=1) / log(max(2, counts.shape[1]))
    return found


def _jackknife(whole: _Totals, parts: Sequence[_Totals], statistic: Callable[[_Totals], float]) -> Estimate:
    value = statistic(whole)
    if len(parts) < 2 or not np.isfinite(value):
        return Estimate(value, nan, nan)
    left_out = [statistic(whole.without(part)) for part in parts]
    if np.ptp(left_out) == 0:
        return Estimate(value, nan, nan)
    spread = np.sqrt((len(parts) - 1) * np.var(left_out))
    return Estimate(value, float(max(0.0, value - _Z * spread)), float(min(1.0, value + _Z * spread)))
