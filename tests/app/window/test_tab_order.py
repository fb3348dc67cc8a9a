"""Tab walks the real window as one reads it: everything that can be seen, once, in the order of its geometry."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QListWidget,
    QTabBar,
    QTableView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.content.grids.expert_grid import GRID_METRICS
from app.dialogs.shortcut_sheet import ShortcutSheet
from app.views.experts.view import ExpertsView
from app.views.traces.view import TracesView
from app.widgets.mask_chips import MaskChips
from app.widgets.plots.curve_plot import CurvePlot
from app.widgets.tokens.strip import TokenStrip
from app.window.main_window import MainWindow
from app.window.tab_order import reading_order

MOST_STOPS = 300


@pytest.fixture(params=[(1440, 900), (960, 640)])
def browsed(window: MainWindow, trace_path: Path, request: pytest.FixtureRequest) -> MainWindow:
    """The window on a trace, at its usual size and narrow."""
    window.resize(*request.param)
    window.open_trace(trace_path)
    QApplication.processEvents()
    return window


def walk(window: MainWindow, qtbot: QtBot, key: Qt.Key) -> list[QWidget]:
    """The controls that have the keyboard one after the other, until the first one has it again."""
    window.views["questions"].setFocus()
    found: list[QWidget] = []
    while (focus := QApplication.focusWidget()) is not None and focus not in found and len(found) < MOST_STOPS:
        found.append(focus)
        qtbot.keyClick(focus, key)
    assert QApplication.focusWidget() is found[0]
    return found


def place_of(widget: QWidget, window: MainWindow) -> QRect:
    """Where it stands in the window."""
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def dock_of(widget: QWidget, window: MainWindow) -> QDockWidget | None:
    """The dock that it is in; None for bars and tabs."""
    return next((dock for dock in window.docks.values() if dock.isAncestorOf(widget)), None)


def comes_first(a: QRect, b: QRect) -> bool:
    """Whether every reader would come to `a` before `b`: it is wholly above it, or left of it in the same row."""
    is_above = a.bottom() < b.top() and a.left() <= b.right() and b.left() <= a.right()
    in_one_row = a.top() <= b.center().y() <= a.bottom() and b.top() <= a.center().y() <= b.bottom()
    is_left = a.right() < b.left() and in_one_row
    return is_above or is_left


@pytest.mark.parametrize("name", ["question", "entropy", "traces"])
def test_the_key_of_a_view_leads_to_what_it_shows(browsed: MainWindow, name: str) -> None:
    """Arrow keys and Ctrl+C work at once there, rather than on the first button above it."""
    browsed.enter_view(name)
    focus, begin = QApplication.focusWidget(), browsed.views[name].keys_begin
    assert focus is begin
    assert isinstance(focus, TokenStrip | CurvePlot | QTableView)


def test_it_follows_the_geometry_within_and_across_docks(browsed: MainWindow, qtbot: QtBot) -> None:
    """No control comes before one that stands above it or left of it; a dock is left only when it is done."""
    found = walk(browsed, qtbot, Qt.Key.Key_Tab)
    docks = [dock_of(widget, browsed) for widget in found]
    in_order = [dock for dock in dict.fromkeys(docks) if dock is not None]
    for dock in in_order:
        stops = [widget for widget, of in zip(found, docks, strict=True) if of is dock]
        places = [place_of(widget, browsed) for widget in stops]
        wrong = [
            (stops[late].accessibleName(), stops[early].accessibleName())
            for early in range(len(stops))
            for late in range(early + 1, len(stops))
            if comes_first(places[late], places[early]) and not stops[early].isAncestorOf(stops[late])
        ]
        assert not wrong, (dock.windowTitle(), wrong)
        numbers = [at for at, of in enumerate(docks) if of is dock]
        gaps = {b - a for a, b in pairwise(numbers)} - {1}
        assert not gaps or in_order[0] is dock  # the walk began inside the first one
    rooms = [place_of(dock, browsed) for dock in in_order]
    for early in range(len(rooms)):
        assert not any(comes_first(rooms[late], rooms[early]) for late in range(early + 1, len(rooms)))


def test_it_stops_at_everything_that_can_be_seen_and_at_nothing_else(browsed: MainWindow, qtbot: QtBot) -> None:
    """Every control of every dock in front; none of a covered one; Shift goes the same way back."""
    found = walk(browsed, qtbot, Qt.Key.Key_Tab)
    assert all(widget.isVisible() and widget.isEnabled() for widget in found)
    bars = [widget for widget in found if widget.parentWidget() is browsed]
    assert all(browsed.rect().contains(bar.geometry()) for bar in bars)
    covered = [view for view in browsed.views.values() if not view.is_in_front]
    assert covered
    assert not [widget for widget in found if any(view.isAncestorOf(widget) for view in covered)]
    tabbed = Qt.FocusPolicy.TabFocus
    expected = {
        widget
        for widget in browsed.findChildren(QWidget)
        if widget.focusPolicy() & tabbed == tabbed
        and not isinstance(parent := widget.parentWidget(), QAbstractSpinBox | QComboBox)
        and not (isinstance(parent, QAbstractScrollArea) and widget is parent.viewport())
        and widget.isVisible()
        and widget.isEnabled()
        and widget.window() is browsed
        and not (isinstance(widget, QTabBar) and not widget.count())
        and not any(view.isAncestorOf(widget) or view is widget for view in covered)
        and not (isinstance(widget, QAbstractItemView) and not widget.model().rowCount())
    }
    assert set(found) == expected
    backwards = walk(browsed, qtbot, Qt.Key.Key_Backtab)
    assert backwards == [found[0], *reversed(found[1:])]


def test_what_shows_nothing_is_no_stop(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """A list without rows and a mask without experts could not show that the keyboard is there."""
    window.open_trace(trace_path)
    for name, kind in (("what_if", MaskChips), ("experiments", QListWidget)):
        window.show_view(name)
        QApplication.processEvents()
        assert not any(isinstance(stop, kind) for stop in walk(window, qtbot, Qt.Key.Key_Tab))
    window.session.set(replace(window.session.state, experts=frozenset({(1, 2)})))
    window.session.request("toggle_mask")
    window.show_view("what_if")
    QApplication.processEvents()
    (chips,) = (stop for stop in walk(window, qtbot, Qt.Key.Key_Tab) if isinstance(stop, MaskChips))
    stops = walk(window, qtbot, Qt.Key.Key_Tab)
    after = stops[stops.index(chips) + 1]
    chips.setFocus()
    qtbot.keyClick(chips, Qt.Key.Key_Delete)
    assert window.session.state.intervention.is_empty()
    qtbot.keyClick(chips, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is after  # rather than the first control of the window


def test_a_list_that_fills_under_the_keyboard_shows_where_it_is(
    window: MainWindow, trace_path: Path, qtbot: QtBot
) -> None:
    """The key of the view leads to the list before its files are read."""
    window.open_trace(trace_path)
    window.show_view("traces")
    view = window.views["traces"]
    assert isinstance(view, TracesView)
    view.table.setFocus()
    assert view.table.hasFocus()
    assert not view.table.model().rowCount()
    window.session.set(replace(window.session.state, library=trace_path.parent))
    qtbot.waitUntil(lambda: view.table.model().rowCount() > 0)
    qtbot.waitUntil(lambda: view.table.currentIndex().row() == 0)
    assert view.selected is None  # nothing was chosen


def test_places_of_no_height_have_their_turn() -> None:
    """What is closed to nothing ends no walk."""
    assert reading_order([QRect(0, 10, 50, 0), QRect(0, 0, 50, 9), QRect(0, 10, 50, 20)]) in ([1, 0, 2], [1, 2, 0])


def test_columns_are_read_downwards() -> None:
    """Lists at the left, two docks above each other beside them, and what stands below all."""
    left, above, below, right = QRect(0, 0, 99, 90), QRect(100, 0, 99, 40), QRect(100, 41, 99, 49), QRect(200, 0, 9, 90)
    bar, foot = QRect(0, -20, 300, 20), QRect(0, 95, 300, 9)
    assert reading_order([foot, right, below, left, above, bar]) == [5, 3, 4, 2, 1, 0]


def test_scope_metric_and_range_are_chosen_without_a_mouse(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """Tab leads to each box, an arrow key chooses, and ends of a range are typed."""
    window.open_trace(trace_path)
    QApplication.processEvents()
    boxes = {each.accessibleName(): each for each in walk(window, qtbot, Qt.Key.Key_Tab)}
    qtbot.keyClick(boxes["Scope: which tokens count"], Qt.Key.Key_Down)
    assert window.session.state.scope == "prompt"
    qtbot.keyClick(boxes["Metric of the grid"], Qt.Key.Key_Down)
    assert window.session.state.metric == GRID_METRICS[1].name
    view = window.views["experts"]
    assert isinstance(view, ExpertsView)
    before = view.heat_map.data
    qtbot.keyClick(boxes["Range of the colours"], Qt.Key.Key_End)
    low, high = (edit for edit in view.findChildren(QLineEdit) if edit.isVisible())
    low.selectAll()
    qtbot.keyClicks(low, "0")
    high.setFocus()
    high.selectAll()
    qtbot.keyClicks(high, "0.5")
    qtbot.keyClick(high, Qt.Key.Key_Return)
    assert view.heat_map.data is not before
    assert view.heat_map.data is not None
    assert (view.heat_map.data.scale.low, view.heat_map.data.scale.high) == (0.0, 0.5)


def test_letters_typed_in_a_box_choose_there(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """They are no keys of the window then: M masks nothing, P pins nothing."""
    window.open_trace(trace_path)
    window.session.set(replace(window.session.state, experts=frozenset({(1, 2)})))
    QApplication.processEvents()
    boxes = {each.accessibleName(): each for each in walk(window, qtbot, Qt.Key.Key_Tab)}
    box = boxes["Metric of the grid"]
    assert isinstance(box, QComboBox)
    box.setFocus()
    qtbot.keyClicks(box, "mp")
    assert window.session.state.intervention.is_empty()
    assert not window.session.state.pins.paths
    window.views["experts"].setFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_M)
    assert window.session.state.intervention.mask


def test_the_sheet_of_shortcuts_fits_a_small_screen_and_is_searched(window: MainWindow, qtbot: QtBot) -> None:
    """No text goes on beyond its edge; words and keys narrow it down."""
    window.session.request("shortcuts")
    sheet = window.findChild(ShortcutSheet)
    assert isinstance(sheet, ShortcutSheet)
    QApplication.processEvents()
    assert sheet.width() <= 1024
    assert sheet.height() <= 700
    header = sheet.table.horizontalHeader()
    assert sum(header.sectionSize(column) for column in range(3)) <= sheet.table.viewport().width()
    qtbot.keyClicks(sheet.search, "ctrl+t table")
    shown = [row for row in range(sheet.table.rowCount()) if not sheet.table.isRowHidden(row)]
    assert [sheet.table.item(row, 1).text() for row in shown] == ["Show as table"]
    sheet.close()


@pytest.mark.parametrize("asked", [".focusProxy()", "InFocusChain()"])
def test_nobody_asks_for_what_crashes(asked: str) -> None:
    """PySide 6.12 takes the widget for a part of the one that it came from, and both crash when they are collected."""
    sources = (Path(__file__).parents[3] / "app").rglob("*.py")
    assert [path.name for path in sources if asked in path.read_text("utf-8")] == []
