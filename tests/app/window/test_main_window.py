"""The window as a whole: opening, recording, closing."""

import shutil
import threading
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.widgets.eliding_label import ElidingLabel
from app.window.main_window import MainWindow
from moe_core.measures.question_table import OUTCOMES, Outcome
from moe_core.measures.scope import Scope
from moe_core.traces.check import check_structure
from moe_core.traces.reader import open_trace


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


def test_the_demo_is_recorded_and_shown(window: MainWindow, qtbot: QtBot) -> None:
    """From the first start to the finished trace, with progress on the way."""
    seen: list[str] = []
    window.runner.progressed.connect(lambda event: seen.append(window.status_line.text))
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.session.request("demo")
    assert ended.args[0].outcome == "done"
    assert window.session.state.trace is not None
    assert window.session.state.trace.trace.complete
    assert any("questions/s" in text and "left" in text for text in seen)


def test_a_cancelled_recording_keeps_what_it_has_and_is_resumed(
    window: MainWindow, qtbot: QtBot, second_batch: threading.Event
) -> None:
    """Esc stops after a batch; the same action goes on from there."""
    window.session.request("demo")
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    with qtbot.waitSignal(window.recording.finished) as ended:
        qtbot.keyClick(window, Qt.Key.Key_Escape)
        second_batch.set()
    assert ended.args[0].outcome == "cancelled"
    trace = window.session.state.trace
    assert trace is not None
    recorded = int(trace.trace.recorded.sum())
    assert 0 < recorded < len(trace.table.ids)
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.session.request("demo")
    assert ended.args[0].outcome == "done"
    assert ended.args[0].result.n_questions == len(trace.table.ids) - recorded


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
