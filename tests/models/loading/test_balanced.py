"""A model of which a part stays on the disk records and re-routes as one that is in memory as a whole."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.models.loading import building
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build

MASK = Intervention(reroute=frozenset({(1, 2), (2, 5)}), drop=frozenset({(0, 1)}))


@pytest.mark.parametrize("kind", ["qwen3_moe", "gpt_oss"])
def test_weights_on_the_disk_change_no_number(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that memory has no room for are read as they run, routers among them: the traces are the same."""
    folder = build(tmp_path / "model", kind)
    own = building.build_model
    monkeypatch.setattr(building, "build_model", partial(own, max_memory={"cpu": 700_000}))
    paths: dict[str, tuple[Path, Path]] = {}
    for device in ("balanced", "cpu"):
        engine, events = Engine(), list[Event]()
        baseline, masked = tmp_path / f"{device}.h5", tmp_path / f"{device}-masked.h5"
        model = ModelRequest(str(folder), device, "float32")
        result_of(record(RecordRequest(model, "demo", baseline, QuestionSelection(limit=4)), engine), events)
        result_of(what_if(WhatIfRequest(baseline, MASK, out=masked), engine))
        said = [event.text for event in events if isinstance(event, Notice) and "is spread" in event.text]
        assert bool(said) == (device == "balanced")
        assert all("on cpu" in text and "on disk" in text for text in said)
        paths[device] = baseline, masked
    for spread, whole in zip(*paths.values(), strict=True):
        with open_trace(spread) as one, open_trace(whole) as other:
            np.testing.assert_array_equal(one.answer_experts, other.answer_experts)
            np.testing.assert_allclose(one.choice_logprobs, other.choice_logprobs, atol=1e-5)
