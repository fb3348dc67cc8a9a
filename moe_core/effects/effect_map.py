"""The effect of every single expert on every answer, as far as it is known: what a map holds, and means over questions.

An effect is the change of the gold answer's log-probability (nats) where one expert alone is masked; negative: the
expert is missed. Axes: N questions, L MoE layers, E experts; a pair is a question and an expert.
"""

from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Source(IntEnum):
    """How a pair's effect is known, from least to best."""

    MISSING = 0
    FIRST_ORDER = 1  # along the gradient of the margin
    SPARSE = 2  # some tokens run again
    UNTOUCHED = 3  # masking the expert changes nothing for this question: exactly 0
    EXACT = 4  # all tokens of the layers behind run again
    AUDITED = 5  # the same, and drawn at random


class CellStatus(StrEnum):
    """How the effect of an expert over all questions is known."""

    PREDICTED = "predicted"
    PARTLY = "partly"
    MEASURED = "measured"


@dataclass(frozen=True)
class EffectSpecification:
    """What a map is of: the trace's fingerprint, the kind of masking, the questions, and the budget it was made with.

    `budget` is the share of measuring all; `created` ISO 8601, `versions` those of what a result may depend on.
    """

    trace_fingerprint: str
    effect: str
    selection: str
    ids: tuple[str, ...]
    budget: float
    seed: int
    model: str
    dtype: str
    versions: dict[str, str]
    created: str

    def is_of(self, other: "EffectSpecification") -> bool:
        """Whether both maps are of the same masking of the same questions of the same trace, whatever their budget."""
        return (self.trace_fingerprint, self.effect, self.ids) == (other.trace_fingerprint, other.effect, other.ids)

    def to_json(self) -> dict[str, object]:
        """As a dictionary for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Cost:
    """What a map has cost so far: forward passes over all its questions, and seconds."""

    forward_passes: float = 0.0
    seconds_predicted: float = 0.0
    seconds_measured: float = 0.0


@dataclass(frozen=True, eq=False)
class Audit:
    """Pairs [A, 3] drawn at random to be run again: what was predicted [A], what came out [A], their chance [A]."""

    pairs: NDArray[np.int32]
    predicted: Floats
    measured: Floats
    chance: Floats


@dataclass(frozen=True, eq=False)
class EffectMap:
    """Effects in nats [N, L, E], how each is known (`Source`), and how large it could be to first order (`bounds`)."""

    specification: EffectSpecification
    effects: Floats
    sources: NDArray[np.uint8]
    bounds: Floats
    audit: Audit
    cost: Cost

    @cached_property
    def is_predicted(self) -> Mask:
        """Questions that the map has reached [N]."""
        reached: Mask = self.sources[:, 0, 0] != Source.MISSING
        return reached

    @cached_property
    def is_exact(self) -> Mask:
        """Pairs whose effect is no prediction [N, L, E]."""
        exact: Mask = self.sources >= Source.UNTOUCHED
        return exact

    def is_of(self, fingerprint: str) -> bool:
        """Whether it is of the trace with this fingerprint."""
        return self.specification.trace_fingerprint == fingerprint

    def over(self, questions: NDArray[np.intp] | None = None) -> "CellEffects":
        """Means over these questions (places in the map; None: all that it has reached)."""
        rows = np.flatnonzero(self.is_predicted)
        if questions is not None:
            rows = np.intersect1d(rows, questions)
        return CellEffects(self.effects[rows], self.is_exact[rows], self.bounds[rows])


@dataclass(frozen=True, eq=False)
class CellEffects:
    """Pairs of one selection of n questions, [n, L, E] each."""

    effects: Floats
    is_exact: Mask
    bounds: Floats

    @property
    def n(self) -> int:
        """Questions."""
        return len(self.effects)

    @cached_property
    def mean(self) -> Doubles:
        """Mean effect [L, E] in nats; NaN without a question."""
        if not self.n:
            return np.full(self.effects.shape[1:], np.nan)
        mean: Doubles = self.effects.mean(axis=0, dtype=np.float64)
        return mean

    @cached_property
    def standard_error(self) -> Doubles:
        """Standard error of the mean over questions [L, E]; NaN for fewer than two."""
        if self.n < 2:
            return np.full(self.effects.shape[1:], np.nan)
        error: Doubles = self.effects.std(axis=0, ddof=1, dtype=np.float64) / np.sqrt(self.n)
        return error

    @cached_property
    def exact_share(self) -> Doubles:
        """Share [L, E] of what a cell's pairs could amount to that is measured; 1 where all pairs are."""
        total = self.bounds.sum(axis=0, dtype=np.float64)
        exact = np.where(self.is_exact, self.bounds, 0).sum(axis=0, dtype=np.float64)
        share = np.divide(exact, total, out=np.zeros_like(total), where=total > 0)
        return np.where(self.is_exact.all(axis=0), 1.0, np.minimum(share, 0.999))

    @cached_property
    def is_measured(self) -> Mask:
        """Cells whose every pair is measured [L, E]."""
        measured: Mask = np.asarray(self.is_exact.all(axis=0) & (self.n > 0))
        return measured

    def status(self, layer: int, expert: int) -> CellStatus:
        """How a cell is known."""
        if self.is_measured[layer, expert]:
            return CellStatus.MEASURED
        return CellStatus.PARTLY if self.exact_share[layer, expert] > 0 else CellStatus.PREDICTED
