"""Closing with jobs: what becomes of each is said, and who thinks better of it loses nothing."""

from collections.abc import Generator
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.running.queue.queued_job import QueuedJob
from app.window.main_window import MainWindow
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.resume import ResumeRequest
from tests.app.box_answer import BoxAnswer


def endless() -> Generator[Event, None, None]:
    """A job that is never done."""
    while True:
        yield Stage("Working")


def job(title: str, kind: str = "resumed recording", **options: object) -> QueuedJob:
    """A job that is kept between sessions, unless its kind is empty."""
    request = ResumeRequest(Path(f"/{title}.h5"))
    return QueuedJob(title, "", request, lambda engine: endless(), request.trace, kind=kind, **options)  # type: ignore[arg-type]  # names of its own


def test_what_becomes_of_each_job_is_said(window: MainWindow) -> None:
    """Of the one that runs, those that wait, those that are not kept; of one that is paused nothing needs to be."""
    window.queue.add(job("Recording a"))
    window.queue.add(job("Recording b"))
    window.queue.add(job("Comparing", kind="", goes_on=False))
    window.queue.add(job("Recording c"))
    window.queue.pause(4)
    window.queue.add(job("Report", kind="", kept="nothing of it is written", goes_on=False, needs_model=False))
    stay = BoxAnswer(window, QMessageBox.StandardButton.Cancel, Qt.Key.Key_Escape)
    assert not window.close()
    assert stay.said.splitlines() == [
        "Close moescope? Not all of its jobs are done.",
        "",
        "Recording a stops after the batch in flight: what is recorded is kept, and the next start offers to go on.",
        "Recording b waits: the next start offers it again.",
        "Comparing waits: it is not run.",
        "Report stops after the batch in flight: nothing of it is written.",
    ]
    assert window.runner.is_busy
    assert window.file_runner.is_busy


def test_paused_jobs_do_not_hold_the_window(window: MainWindow, qtbot: QtBot) -> None:
    """They are offered again without a question."""
    window.queue.hold()
    window.queue.add(job("Recording a"))
    window.queue.pause(1)
    assert window.close()
