"""A map in the making: arrays that better values are written into. Axes: N questions, L MoE layers, E experts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.effect_map import Audit, Cost, EffectMap, EffectSpecification, Floats, Mask, Source

_NO_AUDIT = Audit(np.zeros((0, 3), np.int32), *(np.zeros(0, np.float32) for _ in range(3)))


@dataclass(eq=False)
class EffectDraft:
    """What an `EffectMap` holds, to be written into."""

    effects: Floats
    sources: NDArray[np.uint8]
    bounds: Floats
    audit: Audit = _NO_AUDIT
    cost: Cost = field(default_factory=Cost)

    @classmethod
    def empty(cls, shape: tuple[int, int, int]) -> "EffectDraft":
        """Nothing known of any pair."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.uint8), np.zeros(shape, np.float32))

    @classmethod
    def of(cls, effect_map: EffectMap) -> "EffectDraft":
        """What is known already, to go on with."""
        effects, sources, bounds = effect_map.effects.copy(), effect_map.sources.copy(), effect_map.bounds.copy()
        return cls(effects, sources, bounds, effect_map.audit, effect_map.cost)

    def take(self, questions: Sequence[int], part: "EffectDraft") -> None:
        """Write what a chunk of questions came to; pairs that were measured here before stay as they are."""
        rows = np.asarray(questions)
        measured = self.sources[rows] >= Source.EXACT
        better = part.sources >= Source.EXACT
        for own, new in ((self.effects, part.effects), (self.sources, part.sources)):
            own[rows] = np.where(measured & ~better, own[rows], new)
        self.bounds[rows] = part.bounds
        pairs = part.audit.pairs.copy()
        pairs[:, 0] = rows[pairs[:, 0]]
        found = [np.concatenate(both) for both in zip(_arrays(self.audit), _arrays(part.audit, pairs), strict=True)]
        self.audit = Audit(*found)

    def write(self, pairs: NDArray[np.intp], effects: Floats, source: Source) -> None:
        """Better values of some pairs [R, 3]."""
        at = tuple(pairs.T)
        self.effects[at] = effects
        self.sources[at] = source

    def is_exact(self) -> Mask:
        """Pairs that need no run any more [N, L, E]."""
        exact: Mask = self.sources >= Source.UNTOUCHED
        return exact

    def spend(self, *, passes: float = 0.0, predicting_s: float = 0.0, measuring_s: float = 0.0) -> None:
        """Add to what the map has cost."""
        self.cost = replace(
            self.cost,
            forward_passes=self.cost.forward_passes + passes,
            seconds_predicted=self.cost.seconds_predicted + predicting_s,
            seconds_measured=self.cost.seconds_measured + measuring_s,
        )

    def as_map(self, specification: EffectSpecification) -> EffectMap:
        """A map of what is known now; it does not change with the draft."""
        effects, sources, bounds = self.effects.copy(), self.sources.copy(), self.bounds.copy()
        return EffectMap(specification, effects, sources, bounds, self.audit, self.cost)


def _arrays(audit: Audit, pairs: NDArray[np.int32] | None = None) -> tuple[NDArray[np.generic], ...]:
    return (audit.pairs if pairs is None else pairs, audit.predicted, audit.measured, audit.chance)
