"""Where a recording goes: never onto another trace, and on with a partial one of its own."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from app.dialogs.record.output import examine, suggest
from app.dialogs.record.values import RecordValues
from moe_core.jobs.record import record
from moe_core.system import network_folder

DAY = date(2026, 11, 22)
PARTIAL = RecordValues(amount="first", count=60, device="cpu", batch_tokens=400)


@pytest.fixture(scope="module")
def partial_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first questions of the demo, stopped after a few batches; not to be written to."""
    path = tmp_path_factory.mktemp("partial") / "partial.h5"
    job = record(replace(PARTIAL, out=str(path)).request)
    for _ in range(10):
        next(job)
    job.close()
    return path


def test_the_name_tells_model_quiz_and_day(tmp_path: Path) -> None:
    """In the library; what a file name cannot hold is left out."""
    assert suggest(RecordValues(), tmp_path, DAY) == tmp_path / "demo_demo_2026-11-22.h5"
    hub = RecordValues("allenai/OLMoE-1B-7B@v1", "/quizzes/my quiz.csv")
    assert suggest(hub, tmp_path, DAY).name == "OLMoE-1B-7B_my-quiz_2026-11-22.h5"
    assert suggest(RecordValues(quiz="mmlu:/data/x"), tmp_path, DAY).name == "demo_mmlu_2026-11-22.h5"
    assert suggest(RecordValues(model="", quiz=""), tmp_path, DAY).name == "trace_trace_2026-11-22.h5"


def test_another_trace_is_never_suggested(tmp_path: Path, trace_path: Path) -> None:
    """A number counts up until the name is free."""
    shutil.copy(trace_path, tmp_path / "demo_demo_2026-11-22.h5")
    (tmp_path / "demo_demo_2026-11-22-2.h5").write_text("no trace")
    assert suggest(RecordValues(), tmp_path, DAY).name == "demo_demo_2026-11-22-3.h5"


def test_a_partial_trace_of_the_same_form_is_suggested(tmp_path: Path, partial_path: Path) -> None:
    """So that a stopped run goes on; of another form it is not."""
    shutil.copy(partial_path, tmp_path / "demo_demo_2026-11-22.h5")
    assert suggest(PARTIAL, tmp_path, DAY).name == "demo_demo_2026-11-22.h5"
    for other in (
        replace(PARTIAL, count=61),
        replace(PARTIAL, shots=1),
        replace(PARTIAL, tokens="answer"),
        replace(PARTIAL, protocol="chat"),
    ):
        assert suggest(other, tmp_path, DAY).name == "demo_demo_2026-11-22-2.h5"


def test_what_lies_there_is_said(tmp_path: Path, trace_path: Path, partial_path: Path) -> None:
    """Nothing, a folder to be made, a complete trace, no trace, a partial one, and one begun otherwise."""

    def at(path: Path | str, values: RecordValues = PARTIAL) -> tuple[str, str]:
        found = examine(replace(values, out=str(path)))
        return found.note, found.problem

    assert at(tmp_path / "new.h5") == ("A new trace.", "")
    assert "will be made" in at(tmp_path / "deep" / "er" / "new.h5")[0]
    assert "complete trace" in at(trace_path)[1]
    (tmp_path / "text.h5").write_text("no trace")
    assert "no trace" in at(tmp_path / "text.h5")[1]
    assert "is a file, not a folder" in at(tmp_path / "text.h5" / "new.h5")[1]
    assert at(tmp_path)[1] == at("  ")[1] == "Name a file for the trace, such as run.h5."
    assert at(partial_path)[0].startswith("Will be resumed: ")
    assert " of 60 questions are recorded" in at(partial_path)[0]
    assert (
        "(examples 0, not 3, protocol plain, not chat)"
        in at(partial_path, replace(PARTIAL, shots=3, protocol="chat"))[1]
    )
    assert "(type float32, not bfloat16)" in at(partial_path, replace(PARTIAL, dtype="bfloat16"))[1]


def test_a_network_folder_is_said_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what would be lost there."""
    monkeypatch.setattr(network_folder, "network_file_system", lambda _: "cifs")
    problem = examine(replace(PARTIAL, out=str(tmp_path / "run.h5"))).problem
    assert "network file system (cifs)" in problem
