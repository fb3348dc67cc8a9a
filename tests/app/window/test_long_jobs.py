"""A long job that ends is told to who looks at something else, where the desktop can."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from app.running.job_thread import JobEnded
from app.running.queue.queued_job import QueuedJob
from app.window.long_jobs import LONG_S
from app.window.main_window import MainWindow

JOB = QueuedJob("Recording a.h5", "", "a", lambda engine: iter(()), Path("/a.h5"))  # type: ignore[arg-type, return-value]  # it is not run


@pytest.fixture
def told(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What a desktop that takes notifications is told, while another window is in front."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "show", lambda icon: None)
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda icon, title, text, *_: found.append((title, text)))
    monkeypatch.setattr(QApplication, "alert", lambda window: found.append(("alert", "")))
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    return found


def test_how_it_ended_is_told(window: MainWindow, told: list[tuple[str, str]]) -> None:
    """In a line; the mark of the task bar besides."""
    window.queue.ended.emit(JOB, JobEnded("Recording a.h5", "done", seconds=300))
    assert told == [("alert", ""), ("Recording a.h5", "Done after 5 minutes.")]
    told.clear()
    failed = JobEnded("Recording a.h5", "failed", error="There is no room.", seconds=60)
    window.queue.ended.emit(JOB, failed)
    assert told[1] == ("Recording a.h5", "Failed after 60 seconds: There is no room.")


def test_what_needs_no_word_is_not_told(
    window: MainWindow, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short one, one that was stopped, and any while the window is in front."""
    window.queue.ended.emit(JOB, JobEnded("a", "done", seconds=LONG_S - 1))
    window.queue.ended.emit(JOB, JobEnded("a", "cancelled", seconds=300))
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    window.queue.ended.emit(JOB, JobEnded("a", "done", seconds=300))
    assert told == []


def test_a_desktop_that_takes_none_is_no_failure(
    window: MainWindow, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The list of jobs and the log have it."""
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    with caplog.at_level("INFO"):
        window.queue.ended.emit(JOB, JobEnded("a", "done", seconds=300))
    assert told == [("alert", "")]
    assert "takes no notifications" in caplog.text


def test_the_real_one_can_be_asked(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has: nothing is raised."""
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    window.queue.ended.emit(JOB, JobEnded("a", "done", seconds=300))
