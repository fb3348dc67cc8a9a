"""The window under a real window manager; run by tests/app/start/test_display.py, which brings the display."""

import os
import subprocess
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow

pytestmark = pytest.mark.skipif(not os.environ.get("MOESCOPE_TEST_DISPLAY"), reason="needs a display of its own")


def herbstclient(*arguments: str) -> None:
    """Tell the window manager what to do."""
    subprocess.run(["herbstclient", *arguments], check=True)


def test_shortcuts_reach_the_window_that_the_manager_activated(
    window: MainWindow, qtbot: QtBot, trace_path: Path
) -> None:
    """Ctrl+Z takes back a selection made by the window's own action."""
    window.open_trace(trace_path)
    qtbot.waitUntil(window.isActiveWindow)
    grid = window.views["experts"]
    grid.setFocus()
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert window.session.state.scope == "prompt"


def test_the_window_follows_the_size_that_the_manager_gives(window: MainWindow, qtbot: QtBot, trace_path: Path) -> None:
    """Tiled beside another frame it is 1280 pixels wide, and everything in it still fits."""
    window.open_trace(trace_path)
    qtbot.waitUntil(lambda: window.width() > 1500)
    herbstclient("split", "right", "0.8")
    qtbot.waitUntil(lambda: window.width() < 1500)
    assert all(dock.geometry().right() <= window.width() for dock in window.docks.values() if dock.isVisible())
    herbstclient("remove")


def test_a_dock_can_float_and_come_back(window: MainWindow, qtbot: QtBot, trace_path: Path) -> None:
    """As a window of its own it draws; the reset puts it back."""
    window.open_trace(trace_path)
    dock = window.docks["entropy"]
    dock.setFloating(True)
    qtbot.waitUntil(dock.isWindow)
    qtbot.waitUntil(dock.isVisible)
    window.reset_layout()
    assert not dock.isFloating()


def test_closing_through_the_manager_ends_the_window(window: MainWindow, qtbot: QtBot) -> None:
    """The manager's close is a close like any other."""
    qtbot.waitUntil(window.isActiveWindow)
    herbstclient("close")
    qtbot.waitUntil(lambda: not window.isVisible())
