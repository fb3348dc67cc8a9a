"""Which experts the questions of a task use, how many of them, and how many as few questions as another task has would.

Axes: n questions answered, b of a block, L MoE layers, E experts, K chosen experts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ExperimentError
from moe_core.measures.cube import blocks
from moe_core.measures.scope import Scope
from moe_core.numbers.intervals import Interval, wilson_95
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status

DRAWS = 200

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class EqualUse:
    """How many experts `n` questions use: the mean of random draws of so many, and the range of 95 % of them."""

    n: int
    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class TaskUse:
    """One task: a trace's `name`, its quiz, its questions answered, and by how many [L, E] each expert is used.

    `accuracy` is None where the task has no right answers.
    """

    name: str
    quiz: str
    n: int
    counts: NDArray[np.int64]
    equal: EqualUse
    accuracy: float | None

    @property
    def never_used(self) -> BoolArray:
        """Experts that no question uses [L, E]."""
        unused: BoolArray = self.counts == 0
        return unused

    @property
    def n_used(self) -> int:
        """How many experts any question uses."""
        return int((self.counts > 0).sum())

    @property
    def shares(self) -> Interval:
        """Share of the questions that use each expert [L, E], Wilson 95 %."""
        return wilson_95(self.counts / self.n, self.n)


def answered_rows(trace: Trace) -> NDArray[np.intp]:
    """The rows that were answered, ascending [n]; raises ExperimentError where none was."""
    rows: NDArray[np.intp] = np.flatnonzero(trace.status == Status.ANSWERED)
    if not len(rows):
        raise ExperimentError(f"{trace.path.name} holds no answered question: nothing is known of its experts.")
    return rows


def use_of(trace: Trace, scope: Scope, name: str, n_equal: int, seed: int) -> TaskUse:
    """What a trace says of its task; `n_equal` questions are drawn, 200 times, to compare with others."""
    rows = answered_rows(trace)
    packed = _packed(trace, rows, scope)
    shape = trace.dimensions.n_layers, trace.dimensions.n_experts
    counts = np.zeros(shape, np.int64)
    for part in blocks(len(rows), counts.size):
        counts += _unpacked(packed[part], shape).sum(axis=0, dtype=np.int64)
    generator = np.random.default_rng([seed, len(rows)])
    drawn = [_n_used(packed[generator.choice(len(rows), n_equal, replace=False)]) for _ in range(DRAWS)]
    equal = EqualUse(n_equal, float(np.mean(drawn)), *(float(np.quantile(drawn, at)) for at in (0.025, 0.975)))
    scored = trace.gold[rows] >= 0
    right = trace.predicted[rows] == trace.gold[rows]
    accuracy = float(right[scored].mean()) if scored.any() else None
    return TaskUse(name, trace.specification.quiz.name, len(rows), counts, equal, accuracy)


def _packed(trace: Trace, rows: NDArray[np.intp], scope: Scope) -> NDArray[np.uint8]:
    """Which experts each question uses, a bit each [n, L, bytes]."""
    cells = trace.dimensions.n_layers * trace.dimensions.n_experts
    parts = [np.packbits(_uses(trace, rows[part], scope), axis=-1) for part in blocks(len(rows), cells)]
    return np.concatenate(parts)


def _unpacked(packed: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.unpackbits(packed, axis=-1, count=shape[1])


def _n_used(packed: NDArray[np.uint8]) -> int:
    return int(np.unpackbits(np.bitwise_or.reduce(packed, axis=0)).sum())


def _uses(trace: Trace, rows: NDArray[np.intp], scope: Scope) -> BoolArray:
    """Whether each expert serves any of the tokens that count [b, L, E]."""
    if scope is Scope.ANSWER:
        used = np.zeros((len(rows), trace.dimensions.n_layers, trace.dimensions.n_experts), bool)
        np.put_along_axis(used, trace.answer_experts[rows].astype(np.intp), values=True, axis=-1)
        return used
    used = trace.question_sums.token_count[rows] > 0
    prefix = trace.prefix[rows]
    if scope is Scope.PROMPT and (prefix >= 0).any():
        shared, place = np.unique(prefix[prefix >= 0], return_inverse=True)
        used[prefix >= 0] |= (trace.prefix_sums.token_count[shared] > 0)[place]
    return np.asarray(used, bool)
