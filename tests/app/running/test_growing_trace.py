"""A trace that another program records is shown as it grows, and the person is told who writes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from moe_core.traces.writing.writer import TraceWriter
from tests.command_line import ROOT
from tests.traces.synthetic_run import SyntheticRun, create, record

RUN = SyntheticRun()
WRITES = """
import sys
from pathlib import Path
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun
records = list(SyntheticRun().records())
with TraceWriter(Path(sys.argv[1])) as writer:
    print(flush=True)
    for line in sys.stdin:  # so many more
        writer.write([records.pop(0) for _ in range(int(line))])
        print(flush=True)
"""


class OtherProgram:
    """Writes as many prefixes and questions as it is told."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITES, str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.wait()

    def wait(self) -> None:
        """Until it has done what it was told."""
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def write(self, amount: int) -> None:
        """So many more segments."""
        assert self.process.stdin is not None
        print(amount, file=self.process.stdin, flush=True)
        self.wait()


def said(window: MainWindow, text: str) -> bool:
    """Whether the message bar says it."""
    return text in window.message_bar.text


def recorded(window: MainWindow) -> int:
    """Questions of the trace shown."""
    shown = window.session.state.trace
    return 0 if shown is None else int(shown.trace.recorded.sum())


@pytest.fixture
def hasty(window: MainWindow) -> MainWindow:
    """A window that looks often."""
    window.growing_trace._timer.setInterval(20)
    return window


def test_it_grows_until_it_is_complete(hasty: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """Who writes is said once; every view has the new questions; the end is said."""
    path = create(tmp_path / "run.h5", RUN)
    other = OtherProgram(path)
    assert hasty.open_trace(path)
    qtbot.waitUntil(lambda: said(hasty, f"run.h5 is being recorded by process {other.process.pid} on "))
    assert not hasty.findChild(QAction, "action-resume").isEnabled()
    hasty.message_bar.hide()
    other.write(RUN.n_prefixes + 2)
    qtbot.waitUntil(lambda: recorded(hasty) == 2)
    assert not hasty.message_bar.text
    other.write(RUN.n_questions - 2)
    qtbot.waitUntil(lambda: said(hasty, f"run.h5 is complete: {RUN.n_questions} questions."))
    assert recorded(hasty) == RUN.n_questions
    assert not hasty.growing_trace._timer.isActive()
    other.process.communicate()


@pytest.mark.parametrize("ends_by", ["ending", "a kill"])
def test_it_stays_partial(hasty: MainWindow, qtbot: QtBot, tmp_path: Path, ends_by: str) -> None:
    """That nobody writes any more is said; who goes on later is followed again."""
    path = create(tmp_path / "run.h5", RUN)
    other = OtherProgram(path)
    hasty.open_trace(path)
    other.write(RUN.n_prefixes + 3)
    qtbot.waitUntil(lambda: said(hasty, "is being recorded by"))
    if ends_by == "a kill":
        other.process.kill()
    other.process.communicate()
    qtbot.waitUntil(
        lambda: said(hasty, f"run.h5 is not recorded any more: 3 of {RUN.n_questions} questions are there.")
    )
    assert recorded(hasty) == 3
    assert hasty.findChild(QAction, "action-resume").isEnabled()
    following = OtherProgram(path)
    qtbot.waitUntil(lambda: said(hasty, f"is being recorded by process {following.process.pid} on "))
    following.process.communicate()


def test_nothing_is_said_of_a_trace_at_rest(hasty: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """Partial or complete; and a trace that is shown instead ends the following."""
    partial = create(tmp_path / "partial.h5", RUN)
    hasty.open_trace(partial)
    qtbot.wait(60)
    assert not hasty.message_bar.text
    assert hasty.growing_trace._timer.isActive()
    hasty.open_trace(record(tmp_path / "whole.h5", RUN))
    assert not hasty.growing_trace._timer.isActive()


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_gone_is_said_once(hasty: MainWindow, qtbot: QtBot, tmp_path: Path, is_replaced: bool) -> None:
    """What was read stays on the screen; a file that took its place is not mixed with it."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer:
        writer.write(list(RUN.records())[:5])
    hasty.open_trace(path)
    before = recorded(hasty)
    if is_replaced:
        record(tmp_path / "other.h5", RUN).replace(path)
    else:
        path.unlink()
    qtbot.waitUntil(lambda: said(hasty, "run.h5 was deleted, moved, replaced or cut short"))
    assert not hasty.growing_trace._timer.isActive()
    assert recorded(hasty) == before > 0


def test_a_file_that_is_cut_short_is_said_once(hasty: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """What was read stays on the screen, and nothing goes wrong in any view."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer:
        writer.write(list(RUN.records())[:5])
    assert hasty.open_trace(path)
    before = recorded(hasty)
    assert before > 0
    os.truncate(path, path.stat().st_size // 3)
    qtbot.waitUntil(lambda: said(hasty, "run.h5 was deleted, moved, replaced or cut short"))
    assert not hasty.growing_trace._timer.isActive()
    for dock in hasty.docks.values():
        dock.raise_()
        qtbot.wait(20)
    assert recorded(hasty) == before
