"""A partial trace is gone on with by itself: no quiz, no command, and nothing but what is missing."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moe_core.errors import ModelError, Remedy, SpecificationMismatchError, TraceError
from moe_core.interventions.intervention import parse_mask
from moe_core.jobs.events import Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.resume import ResumeRequest, resume
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.models.inference.planning import batches as batches_module
from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.planning.batches import plan_batches
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces import reader
from moe_core.traces.checking.check import check_structure, verify
from moe_core.traces.layout import TraceLayout
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import ModelSpecification
from moe_core.traces.writing import writer
from moe_core.traces.writing.writer import TraceWriter
from tests.job_results import N, result_of
from tests.jobs.test_record import assert_equal_traces, run


def request_for(model: Path, quiz: Path, out: Path) -> RecordRequest:
    """Worked examples, a mask, a sample: all that a command can say."""
    return RecordRequest(
        ModelRequest(str(model), "cpu"),
        str(quiz),
        out,
        QuestionSelection(sample=15, seed=3),
        RunOptions(shots=1, batch_tokens=150),
        parse_mask("0:1,2:9"),
    )


@pytest.fixture(scope="module")
def whole(tiny_olmoe: Path, quiz: Path, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, left alone."""
    out = tmp_path_factory.mktemp("whole") / "whole.h5"
    result_of(record(request_for(tiny_olmoe, quiz, out), engine))
    return out


@pytest.fixture
def begun(tiny_olmoe: Path, quiz: Path, engine: Engine, tmp_path: Path) -> Path:
    """The same run, stopped after two batches."""
    out = tmp_path / "begun.h5"
    run(record(request_for(tiny_olmoe, quiz, out), engine), batches=2)
    assert 0 < verify(out).n_recorded < 15
    return out


def test_it_becomes_the_trace_of_a_run_left_alone(begun: Path, whole: Path, engine: Engine) -> None:
    """Array for array; only what was missing is asked, with progress."""
    n_before = verify(begun).n_recorded
    events: list[object] = []
    result = result_of(resume(ResumeRequest(begun), engine), events)  # type: ignore[arg-type]  # any list
    assert result.n_questions == 15 - n_before
    assert [event.done for event in events if isinstance(event, Progress)][-1] == 15
    with open_trace(begun) as one, open_trace(whole) as other:
        assert one.complete
        assert_equal_traces(one, other)


def test_a_run_goes_on_in_the_batches_that_it_was_begun_in(
    tiny_olmoe: Path, quiz: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit as if the moescope that began it had run it whole, which planned other batches than this one does."""
    paths = [tmp_path / "whole.h5", tmp_path / "begun.h5"]
    with monkeypatch.context() as before:
        before.setattr(ModelSpecification, "batch_plan", 3)
        for path, batches in zip(paths, (None, 2), strict=True):
            run(record(request_for(tiny_olmoe, quiz, path), engine), batches=batches)
    planned: list[Any] = []

    def noted(*args: Any, **keywords: Any) -> list[Batch]:
        planned.extend([args, plan_batches(*args, **keywords)])
        return planned[-1]  # type: ignore[no-any-return]

    monkeypatch.setattr(batches_module, "plan_batches", noted)
    result_of(resume(ResumeRequest(paths[1]), engine))
    args, batches = planned
    assert args[4] == 3
    assert batches != plan_batches(*args[:4])
    with open_trace(paths[0]) as one, open_trace(paths[1]) as other:
        assert other.specification.batch_plan == 3
        assert_equal_traces(one, other)


def test_the_quiz_may_be_gone_and_the_model_elsewhere(
    tiny_olmoe: Path, quiz: Path, whole: Path, tmp_path: Path
) -> None:
    """A trace keeps its prompts; the model is named where it has moved, and must be the same."""
    model, questions, out = tmp_path / "model", tmp_path / "quiz", tmp_path / "begun.h5"
    shutil.copytree(tiny_olmoe, model)
    shutil.copytree(quiz.parent, questions)
    run(record(request_for(model, questions / quiz.name, out)), batches=2)
    shutil.rmtree(model)
    shutil.rmtree(questions)
    with pytest.raises(ModelError, match="There is no folder") as missing:
        result_of(resume(ResumeRequest(out)))
    assert str(model) in "".join(missing.value.__notes__)
    assert missing.value.remedies == (Remedy.NAME_MODEL,)
    result_of(resume(ResumeRequest(out, ModelNow(str(tiny_olmoe)))))
    with open_trace(out) as one, open_trace(whole) as other:
        assert_equal_traces(one, other)


def test_damaged_questions_are_asked_again(whole: Path, tmp_path: Path, engine: Engine) -> None:
    """A question whose bytes rotted is as before; the others are not touched."""
    path = shutil.copy(whole, tmp_path / "rotten.h5")
    with open_trace(whole) as good:
        row = bytes(good.answer(4).router_probs.tobytes())
    raw = bytearray(path.read_bytes())
    raw[raw.index(row)] ^= 1
    path.write_bytes(raw)
    assert len(verify(path).damaged_ids) == 1
    assert result_of(resume(ResumeRequest(path), engine)).n_questions == 1
    assert verify(path).complete
    with open_trace(path) as one, open_trace(whole) as other:
        np.testing.assert_allclose(one.choice_logprobs, other.choice_logprobs, atol=1e-5)
        rest = np.arange(15) != 4
        assert one.router_probs[rest].tobytes() == other.router_probs[rest].tobytes()


def test_a_what_if_is_gone_on_with_too(whole: Path, tmp_path: Path, engine: Engine) -> None:
    """Its trace knows its intervention."""
    baseline = shutil.copy(whole, tmp_path / "baseline.h5")
    requests = [WhatIfRequest(baseline, parse_mask("1:2"), out=tmp_path / name) for name in ("a.h5", "b.h5")]
    result_of(what_if(requests[0], engine))
    job = what_if(requests[1], engine)
    while not (isinstance(event := next(job), Progress) and event.done):
        pass
    job.close()
    result_of(resume(ResumeRequest(tmp_path / "b.h5"), engine))
    with open_trace(tmp_path / "a.h5") as one, open_trace(tmp_path / "b.h5") as other:
        assert_equal_traces(one, other)


@pytest.mark.parametrize("job", ["record", "resume", "what_if"])
def test_the_trace_is_looked_at_once_before_it_is_written(
    job: str, begun: Path, whole: Path, tiny_olmoe: Path, quiz: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One check of its structure says what is there, the writer's own what may be written; not one more."""
    jobs = {
        "record": lambda: record(request_for(tiny_olmoe, quiz, begun), engine),
        "resume": lambda: resume(ResumeRequest(begun), engine),
        "what_if": lambda: what_if(WhatIfRequest(whole, parse_mask("0:1,2:9"), out=begun), engine),
    }
    opened: list[str] = []
    for module in (reader, writer):

        def noted(path: Path, who: str = module.__name__) -> TraceLayout:
            opened.extend([who] if path == begun else [])
            return check_structure(path)

        monkeypatch.setattr(module, "check_structure", noted)
    result_of(jobs[job]())
    assert opened[:2] == [reader.__name__, writer.__name__]
    assert len(opened) == (3 if job == "what_if" else 2)  # a what-if is compared in the end


def test_another_model_is_refused(tiny_olmoe: Path, begun: Path, tmp_path: Path) -> None:
    """Before a question is asked; every difference is named, and the trace is as it was."""
    other = tmp_path / "other"
    shutil.copytree(tiny_olmoe, other)
    config = other / "config.json"
    config.write_text(config.read_text().replace('"norm_topk_prob": false', '"norm_topk_prob": true'))
    before = begun.read_bytes()
    with pytest.raises(SpecificationMismatchError, match="was begun with another model") as refused:
        result_of(resume(ResumeRequest(begun, ModelNow(str(other)))))
    assert any(note.startswith("model.config_sha256") for note in refused.value.__notes__)
    assert begun.read_bytes() == before


def test_nothing_to_do_and_somebody_at_it_are_said_at_once(whole: Path, begun: Path) -> None:
    """Before a model is loaded."""
    assert N > 15
    with pytest.raises(TraceError, match="is complete: there is nothing to resume"):
        next(resume(ResumeRequest(whole)))
    with TraceWriter(begun), pytest.raises(TraceError, match=r"is being written by process \d+ on "):
        next(resume(ResumeRequest(begun)))


def test_a_dead_writer_of_another_host_is_in_nobodys_way(begun: Path) -> None:
    """What was killed in a container has signed with a name and a number that no other host can judge."""
    begun.with_name(begun.name + ".lock").write_text("process 1 on a-container-that-is-gone", encoding="utf-8")
    assert result_of(resume(ResumeRequest(begun))).n_questions > 0
