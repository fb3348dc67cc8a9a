"""A map of effects for a trace of the tests, beside it on the disk: one expert that one subject needs, and noise."""

from pathlib import Path

import numpy as np

from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import EffectMap, EffectSpecification, Source
from moe_core.effects.map_file import map_path, write_map
from moe_core.traces.reader import open_trace

NEEDED = (1, 5)


def made_map(trace: Path, effect: str = "reroute") -> EffectMap:
    """Written beside the trace: every answer of the first subject loses a nat without NEEDED, which is measured."""
    with open_trace(trace) as opened:
        size = opened.dimensions
        specification = EffectSpecification(
            trace_fingerprint=opened.specification.fingerprint,
            effect=effect,
            selection="all",
            ids=opened.ids,
            budget=0.3,
            seed=0,
            model="tiny",
            dtype="float32",
            versions={},
            created="2026-11-26T00:00:00+00:00",
        )
        needs = opened.subjects == opened.subjects[0]
    shape = (size.n_questions, size.n_layers, size.n_experts)
    draft = EffectDraft.empty(shape)
    draft.effects[:] = np.random.default_rng(3).normal(0, 0.02, shape)
    draft.effects[:, *NEEDED] = np.where(needs, -1.0, 0.01)
    draft.sources[:] = Source.FIRST_ORDER
    draft.sources[:, *NEEDED] = Source.EXACT
    draft.bounds[:] = 1
    made = draft.as_map(specification)
    write_map(map_path(trace, effect), made)
    return made
