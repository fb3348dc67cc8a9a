"""On which tokens the effects of experts hang, as far as that was computed in this session."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Expert

if TYPE_CHECKING:
    from moe_core.jobs.token_effects import TokenEffects

Value = TypeVar("Value")
_MOST = 1000


@dataclass(frozen=True)
class TokenEffectKey:
    """A question of a trace, how one expert is masked, and which, by the model's own number of its layer."""

    trace: str
    question: str
    effect: str
    expert: Expert


@dataclass(frozen=True, eq=False)
class MeasuredAt:
    """Nats: `effects` [T] of masking the expert at one token alone, and `whole` of masking it at all of them."""

    effects: NDArray[np.float32]
    whole: float


@dataclass(frozen=True)
class UnderWay:
    """What is being computed: in which order, and whether it is measured besides."""

    keys: tuple[TokenEffectKey, ...] = ()
    measures: bool = False


@dataclass(frozen=True, eq=False)
class TokenEffectsKnown:
    """`terms` [T] in nats, what was `measured`, and `problems`: why there are none, in a sentence."""

    terms: Mapping[TokenEffectKey, NDArray[np.float32]] = field(default_factory=dict)
    measured: Mapping[TokenEffectKey, MeasuredAt] = field(default_factory=dict)
    problems: Mapping[TokenEffectKey, str] = field(default_factory=dict)
    under_way: UnderWay = UnderWay()

    def begun(self, under_way: UnderWay) -> "TokenEffectsKnown":
        """These are being computed; what was a problem of them is none any more."""
        problems = {key: problem for key, problem in self.problems.items() if key not in under_way.keys}
        return replace(self, problems=problems, under_way=under_way)

    def found(self, found: "TokenEffects") -> "TokenEffectsKnown":
        """What was under way has come, in its order; the oldest of all are let go of."""
        keys, measured = self.under_way.keys, dict[TokenEffectKey, MeasuredAt]()
        terms = dict(zip(keys, found.terms, strict=True))
        if found.measured is not None:
            rows = zip(found.measured.effects, found.measured.whole.tolist(), strict=True)
            measured = {key: MeasuredAt(*row) for key, row in zip(keys, rows, strict=True)}
        return replace(
            self, terms=_with(self.terms, terms), measured=_with(self.measured, measured), under_way=UnderWay()
        )

    def failed(self, problem: str) -> "TokenEffectsKnown":
        """What was under way did not come; why, or nothing where a person stopped it."""
        problems = dict.fromkeys(self.under_way.keys, problem) if problem else {}
        return replace(self, problems={**self.problems, **problems}, under_way=UnderWay())


def _with(known: Mapping[TokenEffectKey, Value], new: Mapping[TokenEffectKey, Value]) -> dict[TokenEffectKey, Value]:
    kept = {key: old for key, old in known.items() if key not in new} | dict(new)
    return dict(list(kept.items())[-_MOST:])
