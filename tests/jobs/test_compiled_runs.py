"""A compiled run says that it was, and what goes on with its trace does the same; nothing is really compiled here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_core.analyses.analysis import AnalysisOptions
from moe_core.comparison.pairing import remarks
from moe_core.errors import BaselineMismatchError, ModelError, Remedy, SpecificationMismatchError
from moe_core.interventions.intervention import parse_mask
from moe_core.jobs.analyse import analyse
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.jobs.effects import EffectsRequest, effects
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow, offered_to_fetch, unlike
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.resume import ResumeRequest, resume
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.jobs.workers.worker import Worker
from moe_core.models.loading.files.source import HUB
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import Specification
from tests.job_results import result_of
from tests.jobs.test_record import run


def request_for(model: Path, quiz: Path, out: Path, *, compiles: bool = True) -> RecordRequest:
    """Batches small enough to stop between."""
    model_request = ModelRequest(str(model), "cpu", compile=compiles)
    return RecordRequest(model_request, str(quiz), out, options=RunOptions(batch_tokens=150))


def specification_of(path: Path) -> Specification:
    """What a trace says of its run."""
    with open_trace(path) as trace:
        return trace.specification


def test_a_trace_says_it_and_its_runs_do_the_same(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, compiled_calls: list[str]
) -> None:
    """Begun, resumed, asked again with a mask; an effect map is made with the model as it is."""
    out, engine, events = tmp_path / "t.h5", Engine(), list[Event]()
    run(record(request_for(tiny_olmoe, quiz, out), engine), batches=1)
    assert specification_of(out).model.compiled
    for job in (resume(ResumeRequest(out)), what_if(WhatIfRequest(out, parse_mask("1:2"), out=tmp_path / "w.h5"))):
        compiled_calls.clear()
        result_of(job, events)
        assert set(compiled_calls) == {"OlmoeExperts", "OlmoeRMSNorm"}
    assert [event.text for event in events if isinstance(event, Stage)].count("Compiling norms and experts") == 2
    assert specification_of(tmp_path / "w.h5").model.compiled
    result_of(engine.load(request_for(tiny_olmoe, quiz, out).model))
    compiled_calls.clear()
    result_of(effects(EffectsRequest(out, budget=0.3), engine))
    assert not compiled_calls


def test_it_is_not_gone_on_with_otherwise(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, compiled_calls: list[str]
) -> None:
    """Neither a recording, nor a what-if where it cannot be compiled."""
    out = tmp_path / "t.h5"
    run(record(request_for(tiny_olmoe, quiz, out)), batches=1)
    with pytest.raises(SpecificationMismatchError, match=r"model\.compiled: true in the file, false asked for"):
        result_of(record(request_for(tiny_olmoe, quiz, out, compiles=False)))
    result_of(record(request_for(tiny_olmoe, quiz, out)))
    compiled_calls.clear()
    elsewhere = WhatIfRequest(out, parse_mask("1:2"), out=tmp_path / "w.h5", model=ModelNow(device="auto"))
    with pytest.raises(BaselineMismatchError, match="compiled norms and experts then, nothing now"):
        result_of(what_if(elsewhere))
    result_of(what_if(replace(elsewhere, rerun_baseline=True)))
    assert not compiled_calls
    assert not specification_of(tmp_path / "w.h5").model.compiled


def test_where_nothing_compiles_no_place_is_asked_for(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, compiled_calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model was found; and an analysis, which runs it as it is, needs no compiler."""
    out = tmp_path / "t.h5"
    run(record(request_for(tiny_olmoe, quiz, out)), batches=1)
    assert compiled_calls

    def fails(_: object) -> None:
        raise ModelError("No compiler.", Remedy.RECORD_UNCOMPILED)

    monkeypatch.setattr("moe_core.models.inference.compiled.compiled_forwards", fails)
    for job in (resume(ResumeRequest(out)), what_if(WhatIfRequest(out, parse_mask("1:2"), out=tmp_path / "w.h5"))):
        with pytest.raises(ModelError, match="No compiler") as refused:
            result_of(job)
        assert refused.value.remedies == (Remedy.RECORD_UNCOMPILED,)
        assert refused.value.__notes__ == [f"t.h5 was recorded with {tiny_olmoe} on cpu in float32."]
    request = AnalysisRequest("expert-output-similarity", out, options=AnalysisOptions(n_questions=1))
    assert result_of(analyse(request)).found.values
    with pytest.raises(ModelError) as hub, offered_to_fetch(replace(specification_of(out).model, source=f"{HUB}a/b")):
        fails(None)
    assert hub.value.remedies == (Remedy.RECORD_UNCOMPILED,)


@pytest.mark.parametrize(("device", "compiles"), [("", True), ("cuda:1", True), ("cpu", False), ("auto", False)])
def test_another_device_of_a_kind_compiles_too(tiny_olmoe: Path, device: str, compiles: bool) -> None:
    """One of another kind may have no compiler."""
    loaded = result_of(Engine().load(ModelRequest(str(tiny_olmoe), "cpu")))
    recorded = replace(loaded.specification, device="cuda:0", compiled=True)
    assert ModelNow(device=device).request(recorded).compile == compiles
    assert not ModelNow(device=device).request(replace(recorded, compiled=False)).compile


def test_what_is_not_compiled_says_what_it_ever_said(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, compiled_calls: list[str]
) -> None:
    """No word of it in the file, so that fingerprints stay; the numbers are those of a run that is."""
    paths, engine = [tmp_path / "plain.h5", tmp_path / "compiled.h5"], Engine()
    for path in paths:
        result_of(record(request_for(tiny_olmoe, quiz, path, compiles=path.stem == "compiled"), engine))
    plain, compiled = map(specification_of, paths)
    assert "compiled" not in plain.to_json()
    assert Specification.from_json(compiled.to_json()) == compiled
    assert remarks(plain, compiled) == ["compiled: nothing before, norms and experts after"]
    assert unlike(plain.model, compiled.model) == ["compiled nothing then, norms and experts now"]
    with open_trace(paths[0]) as one, open_trace(paths[1]) as other:
        np.testing.assert_array_equal(one.choice_logprobs, other.choice_logprobs)


def test_workers_compile(tiny_olmoe: Path, compiled_calls: list[str]) -> None:
    """What they hold is what was asked for."""
    assert Worker(ModelRequest(str(tiny_olmoe), "cpu", compile=True), 1).held().specification.compiled
    assert set(compiled_calls) == {"OlmoeExperts", "OlmoeRMSNorm"}
