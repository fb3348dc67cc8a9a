"""The dialog that compares tasks: what is chosen is asked for, and the page is written in the background."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.dialogs.tasks import TasksDialog
from app.window.main_window import MainWindow
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.measures.scope import Scope


def test_two_traces_make_a_request(qtbot: QtBot, window: MainWindow) -> None:
    """By keys alone; with one there is none, which is said; the trace that is open takes part from the start."""
    paths = [Path("/t/a.h5"), Path("/t/b.h5"), Path("/t/c.h5")]
    dialog = TasksDialog(paths, paths[1], window)
    asked: list[TasksRequest] = []
    dialog.accepted_request.connect(asked.append)
    dialog.show()
    assert not dialog.compare.isEnabled()
    assert "at least two" in dialog.note.text()
    dialog.traces.setFocus()
    dialog.traces.setCurrentRow(2)
    QTest.keyClick(dialog.traces, Qt.Key.Key_Space)
    dialog.scope.setCurrentIndex(1)
    dialog.prune.setCurrentIndex(2)
    assert dialog.note.text() == "2 traces are compared."
    dialog.compare.click()
    assert asked == [TasksRequest((paths[1], paths[2]), Scope.PROMPT, prune="0.25")]


@pytest.mark.parametrize(
    ("chosen", "kind", "written", "said"),
    [
        ("tasks.html", "HTML page (*.html)", "tasks.html", "used by none of 2 tasks"),
        ("tasks", "CSV, a row for each task and expert (*.csv)", "tasks.csv", "task,layer,decoder_layer,expert"),
        ("tasks.json", "", "tasks.json", '"unused_everywhere"'),
    ],
)
def test_what_was_found_is_written_in_the_background(
    window: MainWindow,
    qtbot: QtBot,
    trace_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    kind: str,
    written: str,
    said: str,
) -> None:
    """From the menu, as a page or as data; where it goes is asked, and said when it is there."""
    other = Path(shutil.copy(trace_path, trace_path.with_name("other.h5")))
    page = trace_path.with_name(written)
    window.open_trace(trace_path)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(other)], ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(trace_path.with_name(chosen)), kind))
    window.session.request("compare_tasks")
    [dialog] = window.findChildren(TasksDialog)
    dialog.more.click()
    with qtbot.waitSignal(window.file_runner.ended):
        dialog.compare.click()
    assert said in page.read_text(encoding="utf-8")
    assert str(page) in window.message_bar.text
