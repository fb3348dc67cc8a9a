"""Effect maps of models of many kinds: every way in which layers are run again, held against what-ifs of the whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moe_core.effects.measurement import Measurement
from moe_core.effects.statistics import rank_correlation
from moe_core.errors import EffectError, Remedy
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.effects import EffectsRequest, effects
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import Trace, open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build

QUESTIONS = 8
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("deepseek_v3", {"n_group": 2, "topk_group": 1}),  # chooses groups first, closed by a bias
    ("minimax_m2", {}),  # its router is handed a bias
    ("flex_olmo", {}),  # normalises what its experts give
    ("gpt_oss", {}),  # half of its layers see a window of tokens
    ("phimoe", {}),  # closing an expert changes weights elsewhere, and not all alike
    ("jamba", {}),  # state-space layers: no keys to be kept
]


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


@pytest.mark.parametrize(("kind", "sizes"), KINDS, ids=[kind for kind, _ in KINDS])
def test_measured_effects_are_those_of_what_ifs(kind: str, sizes: dict[str, Any], tmp_path: Path) -> None:
    """Within 1e-4 nats a question; and what is predicted at a part of the cost ranks the experts alike."""
    path, engine = recorded(kind, tmp_path, **sizes)
    predicted = result_of(effects(EffectsRequest(path, budget=0.6), engine)).effect_map.over().mean
    made = result_of(effects(EffectsRequest(path, budget=0.6, measure=Measurement(share=1.0)), engine))
    measured = made.effect_map
    worst = np.unravel_index(np.abs(measured.effects).sum(0).argmax(), predicted.shape)
    expert = (int(worst[0]), int(worst[1]))
    with open_trace(path) as trace:
        mask = Intervention(reroute=trace.specification.model.layers.experts({expert}))
    masked = result_of(what_if(WhatIfRequest(path, mask, out=tmp_path / "W.h5"), engine)).path
    with open_trace(path) as before, open_trace(masked) as after:
        true = gold_logprobs(after) - gold_logprobs(before)
    np.testing.assert_allclose(measured.effects[:, *expert], true, atol=1e-4)
    assert np.abs(true).max() > 1e-3
    assert rank_correlation(predicted[made.used], measured.over().mean[made.used]) > 0.9


def test_groups_that_cannot_lose_one_expert(tmp_path: Path) -> None:
    """A router of groups without a bias cannot be closed to a single expert, which is said; dropping is offered."""
    path, engine = recorded("deepseek_v2", tmp_path, n_group=2, topk_group=1, topk_method="group_limited_greedy")
    with pytest.raises(EffectError, match="groups of one size") as raised:
        result_of(effects(EffectsRequest(path, budget=0.6), engine))
    assert raised.value.remedies == (Remedy.DROP_INSTEAD,)
    result_of(effects(EffectsRequest(path, effect="drop", budget=0.6), engine))


@pytest.mark.parametrize("kind", ["llama4_text", "inkling_text"])
def test_what_cannot_be_done_is_one_sentence(kind: str, tmp_path: Path) -> None:
    """Experts that are not called with their tokens, or a closed one that changes what shared experts add."""
    path, engine = recorded(kind, tmp_path)
    with pytest.raises(EffectError, match=r"^There is no effect map of .* models yet: .*\.$"):
        result_of(effects(EffectsRequest(path, budget=0.6), engine))
