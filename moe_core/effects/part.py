"""What predicting a part of an effect map comes to, wherever its passes run.

Axes: n questions of the part, L MoE layers, E experts; R pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.budget import Budget
from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import Floats, Mask
from moe_core.effects.memory_plan import DecoderShape, MemoryPlan

How = Literal["sparse", "exact"]


@dataclass(frozen=True)
class DecoderFacts:
    """Its shape, and the first decoder layer that runs again where each MoE layer [L] is changed.

    `first_order`: forward passes that the first order of all experts costs.
    """

    shape: DecoderShape
    first_again: tuple[int, ...]
    first_order: float = 1.0


@dataclass(frozen=True)
class Prediction:
    """How parts are predicted: `prepared` is what the clean passes cost, in forward passes."""

    budget: Budget
    prepared: float
    seed: int


@dataclass(frozen=True, eq=False)
class Ran:
    """Effects in nats of `pairs` [R, 3]: place of the question in the part, MoE layer, expert."""

    pairs: NDArray[np.intp]
    effects: Floats


class CleanPart(Protocol):
    """A part whose clean passes are held, so that experts can be closed in them."""

    @property
    def runs_few(self) -> bool:
        """Whether a few tokens can run alone, so that there are sparse re-runs."""

    def first_order(self) -> tuple[Floats, Floats]:
        """The predicted effect of each expert [n, L, E], and how large it could be (0: none at all)."""

    def run(self, wanted: Mask, how: How) -> Iterator[Ran]:
        """The effects of the wanted pairs [n, L, E], a batch at a time."""


@dataclass(frozen=True)
class Spent:
    """So many tokens of forward passes have run; `remark` is what there is to say, if anything.

    `is_rerun`: experts were closed in them, which takes longer than a clean pass of as many tokens.
    """

    tokens: float
    remark: str = ""
    is_rerun: bool = False


@dataclass(frozen=True, eq=False)
class PartPredicted:
    """All of some questions of the map; `passes` over them is what it cost."""

    questions: tuple[int, ...]
    draft: EffectDraft
    passes: float


class EffectPasses(Protocol):
    """Predicts effects on a model. Raises RunError where its device fails: the map so far is kept."""

    @property
    def facts(self) -> DecoderFacts: ...

    def within(self, memory: MemoryPlan) -> None:
        """Run them in this memory; to be said before any is run."""

    def predict(self, parts: Sequence[Sequence[int]], how: Prediction) -> Iterator[Spent | PartPredicted]:
        """Every part, each as soon as it is there."""
