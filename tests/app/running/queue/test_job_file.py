"""The list of jobs beside the settings: kept, taken up by the next window, never shared by two."""

import json
from pathlib import Path

import pytest

from app.running.queue.job_file import JobFile
from app.running.queue.queued_job import JobKind, QueuedJob
from moe_core.jobs.events import Stage
from moe_core.jobs.resume import ResumeRequest


def job(name: str, kind: str = "resumed recording") -> QueuedJob:
    """A job on a trace of that name."""
    request = ResumeRequest(Path(f"/{name}.h5"))
    return QueuedJob(name, "", request, lambda engine: iter([Stage("")]), request.trace, kind=kind)  # type: ignore[arg-type, return-value]  # it is not run


KINDS = (JobKind("resumed recording", ResumeRequest, lambda request: job(request.trace.stem)),)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Where the settings lie, in a folder that is not there yet."""
    return tmp_path / "config" / "moescope.ini"


def titles(file: JobFile) -> list[str]:
    """What a window takes up."""
    return [each.title for each in file.take(KINDS)]


def test_the_next_window_takes_up_what_was_left(settings: Path) -> None:
    """In its order; what is of no kind is not kept, and where nothing is left no file is."""
    first = JobFile(settings)
    assert titles(first) == []
    first.write([job("a"), job("report", kind=""), job("b")])
    first.close()
    second = JobFile(settings)
    assert titles(second) == ["a", "b"]
    second.write([])
    assert not settings.with_name("moescope.jobs-1.json").exists()
    second.close()
    assert titles(JobFile(settings)) == []


def test_two_windows_have_a_file_each(settings: Path) -> None:
    """Neither takes the jobs of the other; a third one finds those of both once they are closed."""
    first, second = JobFile(settings), JobFile(settings)
    first.write([job("a")])
    assert titles(second) == []
    second.write([job("b")])
    first.close()
    second.close()
    third = JobFile(settings)
    assert titles(third) == ["a", "b"]
    assert [path.name for path in settings.parent.glob("*.json")] == ["moescope.jobs-1.json"]
    third.close()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "jobs": []}', '{"format": 1, "jobs": 3}'])
def test_a_file_that_is_none_gives_nothing(settings: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log, and the window begins without."""
    settings.parent.mkdir()
    settings.with_name("moescope.jobs-1.json").write_text(text, encoding="utf-8")
    assert titles(JobFile(settings)) == []
    assert "cannot be read" in caplog.text


def test_a_job_that_cannot_be_read_does_not_take_the_others_along(settings: Path) -> None:
    """A kind that is not known, a request that is none."""
    good = {"kind": "resumed recording", "request": {"trace": "/good.h5"}}
    records = [{"kind": "other", "request": {}}, good, {"kind": "resumed recording", "request": 1}, None]
    settings.parent.mkdir()
    path = settings.with_name("moescope.jobs-1.json")
    path.write_text(json.dumps({"format": 1, "jobs": records}), encoding="utf-8")
    assert titles(JobFile(settings)) == ["good"]


def test_a_lock_that_cannot_be_had_is_no_failure(
    settings: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a folder that nothing can be written to: the window begins without."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    settings.parent.mkdir()
    settings.with_name("moescope.jobs-1.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("app.running.queue.job_file._locked", refuse)
    assert titles(JobFile(settings)) == []
    assert "cannot be taken up" in caplog.text


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The jobs run all the same; it is said once."""
    (tmp_path / "config").write_text("a file", encoding="utf-8")
    file = JobFile(tmp_path / "config" / "moescope.ini")
    file.write([job("a")])
    file.write([job("b")])
    assert caplog.text.count("cannot be kept") == 1
