"""Reports and bundles are jobs beside the one of the model: with progress, whole or not at all, never over a trace."""

import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.files.bundle import bundle_of, write_bundle
from app.files.report_saving import write_report
from app.running.queue.queued_job import QueuedJob
from app.state.job_state import JobStatus
from app.window.main_window import MainWindow
from moe_core.jobs.events import Event, Progress, Stage
from tests.job_results import result_of


@pytest.fixture
def browsed(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace."""
    window.open_trace(trace_path)
    return window


def test_a_report_is_written_while_the_model_works(
    browsed: MainWindow, qtbot: QtBot, trace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the scope that was shown when it was asked for; the list says where it is."""

    def endless() -> Generator[Event, None, None]:
        while True:
            yield Stage("Working")

    page = tmp_path / "page.html"
    monkeypatch.setattr("app.files.report_saving.QFileDialog.getSaveFileName", lambda *asked: (str(page), ""))
    browsed.queue.add(QueuedJob("long", "", "long", lambda engine: endless(), trace_path))
    with qtbot.waitSignal(browsed.file_runner.ended):
        browsed.session.request("save_report")
    assert browsed.message_bar.text == f"The report is in {page}."
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (report,) = (entry for entry in browsed.session.state.jobs if entry.status is JobStatus.DONE)
    assert (report.title, report.about, report.result) == ("Report: page.html", "tiny.h5 · scope answer", page)
    assert browsed.runner.is_busy


def test_where_one_is_that_needs_the_model_is_told_too(
    browsed: MainWindow, qtbot: QtBot, trace_path: Path, tmp_path: Path
) -> None:
    """It runs in the other thread."""
    page = tmp_path / "tasks.html"

    def comparing() -> Generator[Event, None, Path]:
        yield Stage("Comparing")
        return page

    made = "Comparison of tasks", "", trace_path, page
    browsed.exports.start_with(*made, lambda engine: comparing(), needs_model=True)
    qtbot.waitUntil(lambda: browsed.message_bar.text == f"The comparison of tasks is in {page}.")


def test_a_bundle_tells_how_far_it_is(browsed: MainWindow, tmp_path: Path) -> None:
    """File by file, to the last one; what is in it is what was shown when it was asked for."""
    state = browsed.session.state
    bundle = bundle_of(state, [])
    browsed.session.close()
    events: list[Event] = []
    path = result_of(write_bundle(tmp_path / "all.zip", bundle), events)
    told = [(event.done, event.total) for event in events if isinstance(event, Progress)]
    with zipfile.ZipFile(path) as file:
        assert told == [(number, len(file.namelist())) for number in range(1, len(file.namelist()) + 1)]


@pytest.mark.parametrize("name", ["all.zip", "page.html"])
def test_one_that_is_cancelled_leaves_what_was_there(browsed: MainWindow, tmp_path: Path, name: str) -> None:
    """Between any two steps."""
    state = browsed.session.state
    assert state.trace is not None
    path = tmp_path / name
    path.write_text("before", encoding="utf-8")
    files = sorted(tmp_path.iterdir())
    for n_steps in (1, 2):
        page = write_report(path, state.trace.path, state.scope)
        job = write_bundle(path, bundle_of(state, [])) if name == "all.zip" else page
        for _ in range(n_steps):
            next(job)
        job.close()
    assert path.read_text(encoding="utf-8") == "before"
    assert sorted(tmp_path.iterdir()) == files


def test_a_trace_is_never_written_over(browsed: MainWindow, trace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at once, and nothing is queued."""
    monkeypatch.setattr("app.files.report_saving.QFileDialog.getSaveFileName", lambda *asked: (str(trace_path), ""))
    browsed.session.request("save_report")
    assert "is a trace and is never overwritten" in browsed.message_bar.text
    assert browsed.session.state.jobs == ()
