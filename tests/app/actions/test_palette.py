"""The palette of the window finds metrics, views, subjects, experts and questions, and goes there by Enter."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.content.grids.expert_grid import GRID_METRICS
from app.dialogs.command_palette import CommandPalette
from app.window.main_window import MainWindow


@pytest.fixture
def browsed(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace."""
    window.open_trace(trace_path)
    return window


def go(window: MainWindow, qtbot: QtBot, typed: str) -> str:
    """Open the palette by its key, type, take the first by Enter; the result is its name."""
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    (palette,) = [found for found in window.findChildren(CommandPalette) if found.isVisible()]
    qtbot.keyClicks(palette.search, typed)
    name = palette.list.item(0).text() if palette.list.count() else ""
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    palette.close()
    return name


def test_enter_goes_to_the_first_match(browsed: MainWindow, qtbot: QtBot) -> None:
    """Without a mouse; an expert that the model lacks is not offered."""
    assert go(browsed, qtbot, "2:16").startswith("Nothing")
    assert go(browsed, qtbot, "2:13") == "Expert 2:13"
    assert (browsed.session.state.experts, browsed.session.state.layer) == (frozenset({(2, 13)}), 2)
    assert go(browsed, qtbot, "L1/E4") == "Expert 1:4"
    assert browsed.session.state.experts == frozenset({(1, 4)})
    assert go(browsed, qtbot, "next metric") == "Next metric    Alt+PgDown"
    assert browsed.session.state.metric == GRID_METRICS[1].name
    assert go(browsed, qtbot, f"metric {GRID_METRICS[2].title}") == f"Metric: {GRID_METRICS[2].title}"
    assert browsed.session.state.metric == GRID_METRICS[2].name


def test_questions_and_subjects_are_found(browsed: MainWindow, qtbot: QtBot) -> None:
    """Questions by their ids and words, subjects by name; one is shown then, the other filters."""
    table = browsed.session.state.trace.table  # type: ignore[union-attr]  # a trace is open
    assert go(browsed, qtbot, table.ids[7]).startswith(f"Question {table.ids[7]}: ")
    assert browsed.session.state.question == 7
    last = table.subject_names[-1]
    assert go(browsed, qtbot, f"subject {last}") == f"Subject: {last}"
    assert browsed.session.state.filter.subjects == (last,)


def test_what_was_found_has_the_keyboard(browsed: MainWindow, qtbot: QtBot) -> None:
    """Wherever it was: letters are then no longer typed into a box."""
    browsed.enter_view("atlas")
    assert isinstance(browsed.focusWidget(), QComboBox)
    go(browsed, qtbot, "2:13")
    assert browsed.views["experts"].isAncestorOf(browsed.focusWidget())
    qtbot.keyClick(browsed.focusWidget(), Qt.Key.Key_M)
    assert browsed.session.state.intervention.experts == {(2, 13)}


def test_a_view_that_covers_another_takes_its_keyboard(browsed: MainWindow, qtbot: QtBot) -> None:
    """Else it would go on to any box of the window, and letters with it; it stays where nothing is covered."""
    browsed.enter_view("atlas")
    browsed.show_view("effects")
    focus = browsed.focusWidget()
    assert focus is browsed.views["effects"] or browsed.views["effects"].isAncestorOf(focus)
    browsed.show_view("experts")
    assert browsed.focusWidget() is focus


def test_no_view_is_without_a_key(browsed: MainWindow) -> None:
    """However many there are: Ctrl with a digit, then Ctrl+Alt."""
    keys = {name: browsed.findChild(QAction, f"action-view_{name}").shortcut().toString() for name in browsed.views}
    assert all(keys.values()), keys
    assert len(set(keys.values())) == len(keys)


def test_every_view_has_a_key(browsed: MainWindow, qtbot: QtBot) -> None:
    """It comes to the front and has the keyboard."""
    for place, view in enumerate(list(browsed.views.values())[:9]):
        qtbot.keyClick(browsed, Qt.Key(Qt.Key.Key_1 + place), Qt.KeyboardModifier.ControlModifier)
        focus = browsed.focusWidget()
        at_front = browsed.childAt(view.mapTo(browsed, view.rect().center()))
        assert at_front is view or view.isAncestorOf(at_front)
        assert focus is not None
        assert focus is view or view.isAncestorOf(focus)
