"""Where the views stand: one dock each, arranged as in the design, remembered, and put back on request."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QMainWindow, QTabBar

from app.settings import Settings
from app.views import Views
from app.widgets.parts import focus_seen
from app.window.tab_order import stops
from app.window.view_dock import ViewDock

if TYPE_CHECKING:
    from app.view import DockArea, View

Docks: TypeAlias = Mapping[str, ViewDock]

LAYOUT_VERSION = 6
"""Counts up when docks are added or renamed: a layout of another version is not restored."""

GROWTH_STEP_MS = 50
"""Views draw what is new in a growing trace one after the other, so far apart."""

_SHARES, _NARROW_SHARES, _NARROW = (27, 46, 27), (22, 45, 33), 1300
"""Of the width, of lists, grid and question; in a narrow window a question needs more of it to be read."""
_LOW = 640
"""A window so low has no room for the grid above the curves: both are tabs of one place, each as high as there is."""
_FRAME = QSize(8, 40)
"""About what a window manager adds; how much exactly is known only once the window is shown."""


def add_docks(window: QMainWindow, views: Views, settings: Settings) -> dict[str, ViewDock]:
    """A dock for each view, by the view's name, in the default arrangement; each view gets its options back."""
    window.setDockNestingEnabled(True)
    window.setDockOptions(
        QMainWindow.DockOption.AnimatedDocks
        | QMainWindow.DockOption.AllowNestedDocks
        | QMainWindow.DockOption.AllowTabbedDocks
    )
    docks = {
        place.name: ViewDock(place, partial(views.__getitem__, place.name), number * GROWTH_STEP_MS, window)
        for number, place in enumerate(views.places, start=1)
    }
    arrange(window, docks)
    views.welcome(partial(_house, docks, settings))
    return docks


def arrange(window: QMainWindow, docks: Docks) -> None:
    """Put every dock to its default place: lists left, the grid and curves in the middle, one question right.

    Curves stand below the grid, or behind it where the window is low.
    """

    at = partial(_at, docks=docks)
    for dock in docks.values():
        dock.setFloating(False)
        window.removeDockWidget(dock)
    columns = [at("left"), at("centre"), at("right")]
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, columns[0][0])
    for before, column in pairwise(columns):
        window.splitDockWidget(before[0], column[0], Qt.Orientation.Horizontal)
    if is_low := window.height() < _LOW:
        _tabbed(window, columns[1], at("centre-bottom"))
    else:
        _below(window, columns[1][0], at("centre-bottom"))
    _tabbed(window, columns[0], at("left-tab"))
    _tabbed(window, columns[1], at("centre-tab"))
    _tabbed(window, columns[2], at("right-tab"))
    _tabbed(window, at("centre-bottom"), at("bottom-tab"))
    for dock in docks.values():
        dock.show()
    for column in columns if is_low else (*columns, at("centre-bottom")):
        column[0].raise_()
    share_room(window, docks)


def share_room(window: QMainWindow, docks: Docks) -> None:
    """Give every column its width, and grid and curves their heights; a window that is not shown has none to give."""
    columns = [_at(area, docks) for area in ("left", "centre", "right")]
    width, height = window.width(), window.height()
    shares = _SHARES if width >= _NARROW else _NARROW_SHARES
    window.resizeDocks(
        [column[0] for column in columns], [width * share // 100 for share in shares], Qt.Orientation.Horizontal
    )
    middle = [columns[1][0], *_at("centre-bottom", docks)]
    if height >= _LOW:
        window.resizeDocks(middle, [height * 56 // 100, height * 44 // 100], Qt.Orientation.Vertical)


def tidy_tabs(window: QMainWindow) -> None:
    """Have tabs scroll rather than be cut to their first letters, and name their bars; hide the bars that Qt leaves in
    the window's corner, over the menu, when it restores a layout."""
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    for bar in window.findChildren(QTabBar, options=direct):
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.setUsesScrollButtons(True)
        bar.setAccessibleName("Views in one place")
        if bar.pos() == QPoint(0, 0):  # where no dock can have its tabs
            bar.hide()


def within_screen(wanted: QSize, available: QSize, platform: str) -> QSize:
    """The size that a window opens with: what is wanted, less where the screen with its frame around has no room.

    What is drawn in memory, for a picture, has no screen around it.
    """
    return wanted if platform in ("offscreen", "minimal") else wanted.boundedTo(available - _FRAME)


def give_focus(view: "View") -> None:
    """Put the keyboard where the view wants it, else into the first of its controls that can be seen."""
    begin = view.keys_begin
    if begin is None or not (begin.isVisible() and begin.isEnabled()):
        # The view itself where it has no control now, so that keys no longer go to the view before.
        begin = next(stops(view), view)
    focus_seen(begin)


def _house(docks: Docks, settings: Settings, view: "View") -> None:
    view.set_options(settings.data(f"view-{view.name}"))
    docks[view.name].take(view)


def _at(area: "DockArea", docks: Docks) -> list[ViewDock]:
    return [dock for dock in docks.values() if dock.place.area == area]


def _below(window: QMainWindow, upper: ViewDock, lower: list[ViewDock]) -> None:
    for dock in lower:
        window.splitDockWidget(upper, dock, Qt.Orientation.Vertical)


def _tabbed(window: QMainWindow, first: list[ViewDock], others: list[ViewDock]) -> None:
    for dock in others:
        window.tabifyDockWidget(first[0], dock)
