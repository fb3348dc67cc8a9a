"""The window as a whole: opening, recording, closing."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QTabBar
from pytestqt.qtbot import QtBot

from app.widgets.eliding_label import ElidingLabel
from app.window.main_window import MainWindow
from moe_core.measures.question_table import OUTCOMES, Outcome
from moe_core.measures.scope import Scope
from moe_core.traces.checking.check import check_structure
from moe_core.traces.reader import open_trace
from tests.app.box_answer import BoxAnswer, stop
from tests.app.on_screen import windows_shown


def test_opens_a_trace_and_names_it(window: MainWindow, trace_path: Path) -> None:
    """Title and recent files know the trace."""
    assert window.open_trace(trace_path)
    assert window.windowTitle().startswith("tiny.h5")
    assert window.settings.recent == [trace_path]


def test_a_file_that_is_no_trace_is_said_in_one_sentence(window: MainWindow, tmp_path: Path) -> None:
    """The message bar shows it until Esc."""
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    assert not window.open_trace(tmp_path / "bad.h5")
    assert "bad.h5" in window.message_bar.text
    window.escape()
    assert window.message_bar.text == ""


def test_the_demo_is_recorded_and_shown(window: MainWindow, qtbot: QtBot, second_batch: threading.Event) -> None:
    """From the first start to the finished trace, with progress on the way."""
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.session.request("demo")
        qtbot.waitUntil(lambda: "questions/s" in window.status_line.text and "left" in window.status_line.text)
        second_batch.set()
    assert ended.args[0].outcome == "done"
    assert window.session.state.trace is not None
    assert window.session.state.trace.trace.complete


def test_a_cancelled_recording_keeps_what_it_has_and_is_resumed(
    window: MainWindow, qtbot: QtBot, second_batch: threading.Event
) -> None:
    """Esc and Stop stop after a batch; the same action goes on from there."""
    window.session.request("demo")
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    with qtbot.waitSignal(window.recording.finished) as ended:
        assert (
            stop(window, qtbot)
            == "Stop Recording demo.h5? It ends after the batch in flight; what is recorded is kept."
        )
        assert "stopping" in window.status_line.text
        second_batch.set()
    assert ended.args[0].outcome == "cancelled"
    assert window.status_line.text == "Recording demo.h5: stopped; what is recorded is kept"
    trace = window.session.state.trace
    assert trace is not None
    recorded = int(trace.trace.recorded.sum())
    assert 0 < recorded < len(trace.table.ids)
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.session.request("demo")
    assert ended.args[0].outcome == "done"
    assert ended.args[0].result.n_questions == len(trace.table.ids) - recorded


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_escape_does_not_stop_what_runs(
    window: MainWindow, qtbot: QtBot, second_batch: threading.Event, key: Qt.Key
) -> None:
    """It asks; Esc again goes on, and so does Return."""
    window.session.request("demo")
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    with qtbot.waitSignal(window.recording.finished) as ended:
        BoxAnswer(window, "Go on", key)
        qtbot.keyClick(window, Qt.Key.Key_Escape)
        assert not window.runner.is_stopping
        second_batch.set()
    assert ended.args[0].outcome == "done"


def test_the_question_goes_away_with_the_job(window: MainWindow, qtbot: QtBot, second_batch: threading.Event) -> None:
    """Nothing is stopped that was begun meanwhile."""
    window.session.request("demo")
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    with qtbot.waitSignal(window.recording.finished) as ended:
        QTimer.singleShot(0, window, second_batch.set)
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert ended.args[0].outcome == "done"
    assert not window.runner.is_busy


def test_damaged_questions_are_flagged_and_counted(window: MainWindow, trace_path: Path, tmp_path: Path) -> None:
    """On opening, in the line at the top and in the list; the others are as they were."""
    path = shutil.copy(trace_path, tmp_path / "rotten.h5")
    with open_trace(trace_path) as good:
        predicted = good.predicted.copy()
    offset = check_structure(path).extents["answers/predicted"].offset
    with path.open("r+b") as file:
        file.seek(offset + 4)
        file.write(bytes([(int(predicted[4]) + 1) % 2]))
    window.open_trace(path)
    assert window.message_bar.text.startswith("Damaged in rotten.h5, and left out: 1 of 24 questions.")
    shown = window.session.state.trace
    assert shown is not None
    assert np.flatnonzero(shown.table.outcome == OUTCOMES.index(Outcome.DAMAGED)).tolist() == [4]
    names = [label.whole_text for label in window.findChildren(ElidingLabel)]
    assert any(text.startswith("rotten.h5 · ") and text.endswith(" · 1 damaged") for text in names)
    assert shown.sample(Scope.ANSWER).left_out == {"damaged": 1}


def test_a_second_start_shows_each_tab_once(window: MainWindow, qtbot: QtBot) -> None:
    """Restoring the arrangement leaves no second bar of tabs to be seen."""
    window.show_view("effects")
    window.close_without_asking()
    again = MainWindow(window.settings)
    with qtbot.waitExposed(again):
        again.show()
    bars = again.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    seen = [bar for bar in bars if bar.isVisible() and again.rect().intersects(bar.geometry())]
    tabs = [bar.tabText(tab) for bar in seen for tab in range(bar.count())]
    assert "Effects" in tabs
    assert len(tabs) == len(set(tabs))
    again.close_without_asking()
    again.deleteLater()


def test_nothing_flashes_up_beside_the_window(window: MainWindow, trace_path: Path, qapp: QApplication) -> None:
    """A view is made when it is first shown; a window that comes and goes takes the keyboard from the one in use."""
    with windows_shown() as shown:
        for name in window.docks:
            window.show_view(name)
        window.open_trace(trace_path)
        for name in window.docks:
            window.show_view(name)
            qapp.processEvents()
    assert not shown
    assert window.isActiveWindow()
