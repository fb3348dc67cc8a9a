"""Bookmarks and notes in the window: by key, seen in list and grid, undone, kept beside the trace."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QInputDialog, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.views.questions.view import QuestionsView
from app.window.main_window import MainWindow
from moe_core.interventions.layers import Layers
from moe_core.traces.notes import notes_path, read_notes

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def write_note(dialog: QInputDialog) -> QDialog.DialogCode:
    """In the place of a dialog that a person fills; Tab leads out of its field, to OK."""
    (field,) = dialog.findChildren(QPlainTextEdit)
    assert field.tabChangesFocus()
    assert {each.key().toString() for each in dialog.findChildren(QShortcut)} == {"Ctrl+Return", "Ctrl+Enter"}
    QTest.keyClicks(field, "seldom used ")
    return QDialog.DialogCode.Accepted


def test_bookmarks_and_notes_are_kept_with_the_trace(
    window: MainWindow, trace_path: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a question and an expert; another trace has its own, and the first one's come back with it."""
    other = Path(shutil.copy(trace_path, tmp_path / "other.h5"))
    window.open_trace(trace_path)
    ids = window.session.state.trace.table.ids  # type: ignore[union-attr]  # a trace is open
    window.session.set(replace(window.session.state, question=3, experts=frozenset({(1, 2)})))
    qtbot.keyClick(window, Qt.Key.Key_D, CTRL)
    assert read_notes(trace_path, Layers(range(4))).questions == {ids[3]: ""}
    monkeypatch.setattr(QInputDialog, "exec", write_note)
    qtbot.keyClick(window, Qt.Key.Key_B, CTRL | SHIFT)
    assert read_notes(trace_path, Layers(range(4))).experts == {(1, 2): "seldom used"}
    view = window.views["questions"]
    assert isinstance(view, QuestionsView)
    data = view.list.shown_data()
    assert [row[data.columns.index("Note")] for row in data.rows][2:5] == ["", "★", ""]
    window.session.request("filter_bookmarked")
    assert view.rows_in_order() == [3]
    window.open_trace(other)
    assert window.session.state.notes.is_empty
    assert not notes_path(other).exists()
    window.open_trace(trace_path)
    assert window.session.state.notes == read_notes(trace_path, Layers(range(4)))
    assert not window.session.state.notes.is_empty


def test_an_edit_is_undone_in_the_file_too(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """By Ctrl+Z, as every edit."""
    window.open_trace(trace_path)
    qtbot.keyClick(window, Qt.Key.Key_D, CTRL)
    assert notes_path(trace_path).exists()
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert window.session.state.notes.is_empty
    assert not notes_path(trace_path).exists()


def test_a_file_that_cannot_be_read_is_told_and_stays(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """Also when something is bookmarked meanwhile."""
    notes_path(trace_path).write_text("precious")
    window.open_trace(trace_path)
    assert "cannot be read" in window.message_bar.text
    qtbot.keyClick(window, Qt.Key.Key_D, CTRL)
    assert notes_path(trace_path).read_text() == "precious"
