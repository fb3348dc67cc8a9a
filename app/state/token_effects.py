"""On which tokens the effects of experts hang, as far as that was computed in this session."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Expert

_MOST = 1000


@dataclass(frozen=True)
class TokenEffectKey:
    """A question of a trace, how one expert is masked, and which, by the model's own number of its layer."""

    trace: str
    question: str
    effect: str
    expert: Expert


@dataclass(frozen=True, eq=False)
class TokenEffectsKnown:
    """`terms` [T] in nats, and `problems`: why there are none, in a sentence. `under_way` are those being computed."""

    terms: Mapping[TokenEffectKey, NDArray[np.float32]] = field(default_factory=dict)
    problems: Mapping[TokenEffectKey, str] = field(default_factory=dict)
    under_way: tuple[TokenEffectKey, ...] = ()

    def begun(self, keys: tuple[TokenEffectKey, ...]) -> "TokenEffectsKnown":
        """These are being computed; what was a problem of them is none any more."""
        problems = {key: problem for key, problem in self.problems.items() if key not in keys}
        return replace(self, problems=problems, under_way=keys)

    def found(self, terms: Iterable[NDArray[np.float32]]) -> "TokenEffectsKnown":
        """What was under way has come, in its order; the oldest of all are let go of."""
        new = dict(zip(self.under_way, terms, strict=True))
        kept = {key: old for key, old in self.terms.items() if key not in new} | new
        return replace(self, terms=dict(list(kept.items())[-_MOST:]), under_way=())

    def failed(self, problem: str) -> "TokenEffectsKnown":
        """What was under way did not come; why, or nothing where a person stopped it."""
        problems = dict.fromkeys(self.under_way, problem) if problem else {}
        return replace(self, problems={**self.problems, **problems}, under_way=())
