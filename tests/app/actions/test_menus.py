"""The menus: built for a window that stands, grey where the state has nothing for them, and the traces opened last."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.actions.experiments_menu import EXPERIMENTS_MENU
from app.actions.menus import Menus
from app.settings import Settings
from app.window.main_window import MainWindow
from moe_core.experiments import EXPERIMENTS
from moe_core.measures.scope import Scope
from tests.traces.synthetic_run import SyntheticRun, record


def test_menus_come_when_the_window_stands(qtbot: QtBot, tmp_path: Path, trace_path: Path) -> None:
    """It shows traces without them, and hears no request; those that are built later know what is shown."""
    settings = Settings(tmp_path / "settings.ini")
    settings.library = tmp_path / "library"
    window = MainWindow(settings)
    window.show()
    assert window.open_trace(trace_path)
    window.session.request("close_trace")
    assert window.session.state.trace is not None
    Menus(window)
    assert window.findChild(QAction, "action-close_trace").isEnabled()
    window.session.request("close_trace")
    assert window.session.state.trace is None
    assert not window.findChild(QAction, "action-close_trace").isEnabled()
    window.close_without_asking()
    window.deleteLater()


def test_the_menu_of_experiments_lists_them_all() -> None:
    """In their order, under their titles, with their questions, though it imports none of them."""
    listed = [(action.name, action.text, action.tip) for action in EXPERIMENTS_MENU.groups[0]]
    assert listed == [
        (f"experiment_{each.name.replace('-', '_')}", f"{each.title}…", each.question) for each in EXPERIMENTS
    ]


def test_recent_files_open_from_the_menu(window: MainWindow, trace_path: Path, tmp_path: Path) -> None:
    """The last one first; one that is gone is said, and forgotten."""
    other = record(tmp_path / "other.h5", SyntheticRun())
    assert recent_names(window) == ["No trace was opened yet"]
    window.open_trace(other)
    window.open_trace(trace_path)
    assert recent_names(window) == ["tiny.h5", "other.h5"]
    recent_menu(window).actions()[1].trigger()
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == other
    trace_path.unlink()
    assert recent_names(window) == ["other.h5", "tiny.h5"]
    recent_menu(window).actions()[1].trigger()
    assert "tiny.h5" in window.message_bar.text
    assert recent_names(window) == ["other.h5"]


def test_the_scope_in_use_is_ticked(window: MainWindow, trace_path: Path) -> None:
    """From the start, whoever changes it, and still when it is chosen once more."""
    window.open_trace(trace_path)
    assert ticked_scopes(window) == ["answer"]
    for _ in range(2):
        window.session.request("scope_prompt")
        assert ticked_scopes(window) == ["prompt"]
    window.session.set(replace(window.session.state, scope=Scope.QUESTION))
    assert ticked_scopes(window) == ["question"]


def ticked_scopes(window: MainWindow) -> list[str]:
    """What the menu says."""
    return [scope.value for scope in Scope if window.findChild(QAction, f"action-scope_{scope}").isChecked()]


def test_the_cancel_button_of_the_what_if_stops_at_once(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who aims at it means it; only the key Esc is asked about."""
    stopped: list[bool] = []
    monkeypatch.setattr(window.file_runner, "cancel", lambda: stopped.append(True))
    window.message_bar.say("A message is shown")
    window.session.request("stop")
    assert stopped == [True]
    assert window.message_bar.text == "A message is shown"


def recent_menu(window: MainWindow) -> QMenu:
    """The menu of recent files, filled as when it is opened."""
    menu = next(found for found in window.findChildren(QMenu) if found.title() == "Open recent")
    QTimer.singleShot(0, menu.hide)
    menu.aboutToShow.emit()
    return menu


def recent_names(window: MainWindow) -> list[str]:
    """What it lists."""
    return [action.text() for action in recent_menu(window).actions()]
