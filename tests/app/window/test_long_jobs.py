"""A long job that ends is told to who looks at something else, where the desktop can."""

import sys
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
    monkeypatch.setenv("PATH", "")  # no notify-send
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
    assert told == [("alert", ""), ("Recording a.h5", "a.h5: done after 5 minutes.")]
    told.clear()
    failed = JobEnded("Recording a.h5", "failed", error="There is no room.", seconds=60)
    window.queue.ended.emit(JOB, failed)
    assert told[1] == ("Recording a.h5", "a.h5: failed after 60 seconds: There is no room.")


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


@pytest.mark.skipif(sys.platform == "win32", reason="a program of the shell stands in for notify-send")
@pytest.mark.parametrize("code", [0, 1])
def test_the_program_of_linux_desktops_comes_first(
    window: MainWindow,
    told: list[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
    code: int,
) -> None:
    """Several of them have no tray; the tray is asked where nobody hears the program."""
    sender, heard = tmp_path / "notify-send", tmp_path / "heard"
    sender.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {heard}.new\n/bin/mv {heard}.new {heard}\nexit {code}\n')
    sender.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    window.queue.ended.emit(JOB, JobEnded("Recording a.h5", "failed", error="--no room.", seconds=300))
    qtbot.waitUntil(heard.exists)
    *options, title, text = heard.read_text().splitlines()
    assert options[-1] == "--"
    assert (title, text) == ("Recording a.h5", "a.h5: failed after 5 minutes: --no room.")
    if code:
        qtbot.waitUntil(lambda: len(told) == 2)
    assert told == [("alert", ""), (title, text)][: 1 + code]


@pytest.mark.skipif(sys.platform == "win32", reason="a program of the shell stands in for notify-send")
def test_a_program_that_cannot_start_leaves_it_to_the_tray(
    window: MainWindow, told: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    """It never finishes."""
    sender = tmp_path / "notify-send"
    sender.write_text("#!/no/such/interpreter\n")
    sender.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    window.queue.ended.emit(JOB, JobEnded("a", "done", seconds=300))
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told[1] == (JOB.title, "a.h5: done after 5 minutes.")


def test_the_real_one_can_be_asked(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has: nothing is raised."""
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    window.queue.ended.emit(JOB, JobEnded("a", "done", seconds=300))
