"""Effect maps of tiny models of any kind, held against what-ifs of the whole model. Axes: N questions."""

from pathlib import Path
from typing import Any

import numpy as np

from moe_core.effects.effect_map import EffectMap
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import Trace, open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build

QUESTIONS = 8


def recorded(kind: str, folder: Path, **sizes: Any) -> tuple[Path, Engine]:
    """A trace of a tiny model of this kind, and the engine that holds the model."""
    build(folder / "model", kind, **sizes)
    engine = Engine()
    request = RecordRequest(
        ModelRequest(str(folder / "model"), "cpu", "float32"),
        "demo",
        folder / "T.h5",
        QuestionSelection(limit=QUESTIONS),
    )
    return result_of(record(request, engine)).path, engine


def gold_logprobs(trace: Trace) -> np.ndarray:
    """Of the right answers [N]."""
    return np.take_along_axis(trace.choice_logprobs, trace.gold[:, None].astype(int), 1)[:, 0].astype(np.float64)


def largest_difference(
    path: Path, engine: Engine, measured: EffectMap, *, every_layer: bool = False
) -> tuple[float, float]:
    """How far measured effects are from what-ifs, in nats, and the largest such effect.

    Of the expert of the whole model that moves answers most, or of that of every MoE layer.
    """
    size = np.abs(measured.effects).sum(0)  # [L, E]
    places = range(size.shape[0]) if every_layer else [int(size.max(1).argmax())]
    off = largest = 0.0
    for place in places:
        expert = int(size[place].argmax())
        true = what_if_effect(path, engine, measured.specification.effect, (place, expert))
        off = max(off, float(np.abs(measured.effects[:, place, expert] - true).max()))
        largest = max(largest, float(np.abs(true).max()))
    return off, largest


def what_if_effect(path: Path, engine: Engine, effect: str, cell: tuple[int, int]) -> np.ndarray:
    """What masking one expert does to the right answers' log-probabilities [N], by a run of the whole model."""
    with open_trace(path) as trace:
        mask = Intervention(**{effect: trace.specification.model.layers.experts({cell})})
    out = path.with_name(f"W-{effect}-{cell[0]}-{cell[1]}.h5")
    masked = result_of(what_if(WhatIfRequest(path, mask, out=out), engine)).path
    with open_trace(path) as before, open_trace(masked) as after:
        return gold_logprobs(after) - gold_logprobs(before)
