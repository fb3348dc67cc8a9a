"""The first page: the ways to begin, in front of the docks, until something is shown."""

import re
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPushButton, QTabBar
from pytestqt.qtbot import QtBot

from app.widgets.eliding_label import ElidingLabel
from app.widgets.mnemonics import without_mnemonic
from app.window import docking
from app.window.main_window import MainWindow


def ways(window: MainWindow) -> list[str]:
    """The buttons of the page, in reading order."""
    return [without_mnemonic(found.text()) for found in window.start_page.findChildren(QPushButton)]


def test_a_first_start_shows_one_page(window: MainWindow, trace_path: Path) -> None:
    """It covers every dock, and goes with the first trace; without one it is there again, and knows that trace."""
    page = window.start_page
    assert page.isVisible()
    assert ways(window) == ["Open the demo", "Open trace…", "Record…"]
    assert all(dock.visibleRegion().isEmpty() for dock in window.docks.values())
    window.open_trace(trace_path)
    assert not page.isVisible()
    assert not window.docks["questions"].visibleRegion().isEmpty()
    window.session.request("close_trace")
    assert page.isVisible()
    assert ways(window)[3:] == ["tiny.h5"]
    page.findChildren(QPushButton)[3].click()
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == trace_path


def test_it_stays_in_front(window: MainWindow) -> None:
    """Also when the docks are arranged anew below it, and the window gets another size."""
    window.session.request("reset_layout")
    window.resize(1000, 640)
    QApplication.processEvents()
    for button in window.start_page.findChildren(QPushButton):
        assert window.childAt(button.mapTo(window, button.rect().center())) is button


def test_tab_goes_through_the_page_alone(window: MainWindow, qtbot: QtBot) -> None:
    """Beginning with the demo, and never into what it covers."""
    assert window.focusWidget() is window.start_page.findChildren(QPushButton)[0]
    for _ in range(12):
        qtbot.keyClick(window, Qt.Key.Key_Tab)
        focus = window.focusWidget()
        assert focus is not None
        assert not any(view.isAncestorOf(focus) for view in window.views.values())


def test_tab_stops_in_no_covered_view(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """It goes once around through the bar at the top and all views in front, and backwards too."""
    window.open_trace(trace_path)
    QApplication.processEvents()
    front = {name for name, view in window.views.items() if view.is_in_front}
    assert 0 < len(front) < len(window.views)
    window.views["questions"].setFocus()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
        first, seen = window.focusWidget(), set()
        for _ in range(150):
            qtbot.keyClick(window.focusWidget(), key)
            focus = window.focusWidget()
            seen |= {name for name, view in window.views.items() if view.isAncestorOf(focus)}
            if focus is first:
                break
        assert focus is first
        assert seen == front


def test_enter_begins_with_the_demo(window: MainWindow, qtbot: QtBot) -> None:
    """The first way has the keyboard at once."""
    asked: list[str] = []
    window.session.requested.connect(asked.append)
    first = window.focusWidget()
    assert isinstance(first, QPushButton)
    window.start_page.findChildren(QPushButton)[1].clicked.disconnect()
    qtbot.keyClick(first, Qt.Key.Key_Tab)
    second = window.focusWidget()
    assert without_mnemonic(second.text()) == "Open trace…"
    second.clicked.connect(lambda: asked.append("pressed"))
    qtbot.keyClick(second, Qt.Key.Key_Return)
    assert asked == ["pressed"]


def test_letters_are_keys_of_the_window_once_a_trace_is_open(window: MainWindow, trace_path: Path) -> None:
    """The keyboard is in no box, which would take them to find an entry."""
    assert isinstance(QApplication.focusWidget(), QPushButton)
    window.open_trace(trace_path)
    assert not isinstance(QApplication.focusWidget(), QComboBox | QLineEdit)


def test_a_view_that_is_asked_for_is_shown(window: MainWindow, qtbot: QtBot) -> None:
    """The library is of use without a trace."""
    qtbot.keyClick(window, Qt.Key.Key_7, Qt.KeyboardModifier.ControlModifier)
    assert not window.start_page.isVisible()
    assert window.docks["traces"].isEnabled()


def test_the_window_can_be_narrow(window: MainWindow, trace_path: Path) -> None:
    """960 x 540, as half a screen or one at 200 %: every view has room or scrolls, and n is read whole."""
    window.open_trace(trace_path)
    window.resize(960, 540)
    QApplication.processEvents()
    assert window.size() == QSize(960, 540)
    for dock in window.docks.values():
        dock.raise_()
        QApplication.processEvents()
        assert dock.geometry().right() <= 960


def test_a_low_window_shows_the_grid_or_the_curves(window: MainWindow, trace_path: Path) -> None:
    """960 x 540: one place of tabs, in which each has the whole height; nothing but the grid's own controls scrolls."""
    window.open_trace(trace_path)
    window.resize(960, 540)
    window.reset_layout()
    QApplication.processEvents()
    assert window.views["experts"].is_in_front
    assert not window.views["entropy"].is_in_front
    assert set(window.tabifiedDockWidgets(window.docks["experts"])) >= {window.docks["entropy"], window.docks["jobs"]}
    for name in ("experts", "entropy", "what_if", "ranking", "jobs"):
        window.show_view(name)
        QApplication.processEvents()
        view = window.views[name]
        assert view.body.height() <= view.height() > 300, name
    window.resize(1024, 700)
    window.reset_layout()
    assert window.docks["entropy"] not in window.tabifiedDockWidgets(window.docks["experts"])


def test_the_window_opens_within_the_screen() -> None:
    """Less than it would like where the screen is small; a picture has no screen around it."""
    wanted = QSize(1440, 900)
    assert docking.within_screen(wanted, QSize(800, 600), "offscreen") == wanted
    assert docking.within_screen(wanted, QSize(1024, 700), "xcb") == QSize(1016, 660)
    assert docking.within_screen(wanted, QSize(2560, 1440), "xcb") == wanted


def test_tabs_of_docks_are_read_whole_however_narrow(window: MainWindow, trace_path: Path) -> None:
    """They scroll; numbers of questions are never cut."""
    window.open_trace(trace_path)
    window.resize(960, 540)
    QApplication.processEvents()
    bars = [bar for bar in window.findChildren(QTabBar) if bar.isVisible() and bar.count() > 1]
    assert bars
    assert {bar.elideMode() for bar in bars if bar.parentWidget() is window} == {Qt.TextElideMode.ElideNone}
    for name in window.views:
        window.show_view(name)
        QApplication.processEvents()
        labels = window.views[name].findChildren(ElidingLabel)
        said = [(each.whole_text, each.text()) for each in labels if each.isVisible()]
        counts = [(found[0], shown) for whole, shown in said if (found := re.findall(r"n = [\d,]+", whole))]
        assert all(n in shown for n, shown in counts), (name, counts)
