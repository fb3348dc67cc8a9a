"""A model of which a part stays on the disk records and re-routes as one that is in memory as a whole."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from app.dialogs.record.checks import model_text
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.inspect_model import inspect_model
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.models.loading import spreading
from moe_core.models.loading.files.safety import check_folder
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build

MASK = Intervention(reroute=frozenset({(1, 2), (2, 5)}), drop=frozenset({(0, 1)}))


@pytest.mark.parametrize("kind", ["qwen3_moe", "gpt_oss"])
def test_weights_on_the_disk_change_no_number(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that memory has no room for are read as they run, routers among them: the traces are the same."""
    folder = build(tmp_path / "model", kind)
    monkeypatch.setattr(spreading, "plan_spread", partial(spreading.plan_spread, max_memory={"cpu": 700_000}))
    paths: dict[str, tuple[Path, Path]] = {}
    for device in ("balanced", "cpu"):
        engine, events = Engine(), list[Event]()
        baseline, masked = tmp_path / f"{device}.h5", tmp_path / f"{device}-masked.h5"
        model = ModelRequest(str(folder), device, "float32")
        result_of(record(RecordRequest(model, "demo", baseline, QuestionSelection(limit=4)), engine), events)
        result_of(what_if(WhatIfRequest(baseline, MASK, out=masked), engine))
        said = [event.text for event in events if isinstance(event, Notice) and "is spread" in event.text]
        assert bool(said) == (device == "balanced")
        assert all("on cpu (" in text and "on disk (" in text for text in said)
        paths[device] = baseline, masked
    for spread, whole in zip(*paths.values(), strict=True):
        with open_trace(spread) as one, open_trace(whole) as other:
            np.testing.assert_array_equal(one.answer_experts, other.answer_experts)
            np.testing.assert_allclose(one.choice_logprobs, other.choice_logprobs, atol=1e-5)


def test_where_each_part_goes_is_said_before_it_is_loaded(tmp_path: Path) -> None:
    """Every weight is placed once; sizes are those of the weights, and memory's bound is kept."""
    checked = check_folder(build(tmp_path / "model", "qwen3_moe"))
    sizes = {name: tensor.n_elements * 4 for name, tensor in checked.tensors.items()}
    found = spreading.plan_spread(checked.architecture, "float32", max_memory={"cpu": 700_000})
    in_memory, on_disk = found.parts
    assert (in_memory.place, on_disk.place) == ("cpu", "disk")
    assert in_memory.n_bytes <= 700_000
    assert in_memory.n_bytes + on_disk.n_bytes == sum(sizes.values())
    assert sorted(set(in_memory.layers) | set(on_disk.layers)) == [0, 1, 2, 3]
    assert set(in_memory.others) | set(on_disk.others) == {"embed_tokens", "norm", "lm_head"}
    whole = spreading.plan_spread(checked.architecture, "bfloat16", max_memory={"cpu": 10**9})
    assert [(part.place, part.n_bytes) for part in whole.parts] == [("cpu", sum(sizes.values()) // 2)]
    events: list[Event] = []
    result_of(load_model(ModelRequest(str(tmp_path / "model"), "balanced", "float32")), events)
    texts = [event.text for event in events if isinstance(event, Notice | Stage)]
    (said,) = (
        n
        for n, text in enumerate(texts)
        if text.startswith("The model is spread: layers 0-3, embed_tokens, norm, lm_head on cpu (")
    )
    assert texts[said + 1].endswith("onto balanced as float32")


def test_the_record_dialog_can_tell_it_too(tmp_path: Path) -> None:
    """The look at a model says which part would go where, and that nothing is lacking."""
    folder = build(tmp_path / "model", "qwen3_moe")
    summary = result_of(inspect_model(ModelRequest(str(folder), "balanced", "float32")))
    assert summary.fits
    assert "on cpu" in summary.spread
    assert summary.spread in model_text(summary)
