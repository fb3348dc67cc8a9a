"""Where Tab goes: through the controls that can be seen, as one reads, column by column across the docks.

Qt goes in the order in which controls were made, which is not the order in which docks stand.
"""

from collections.abc import Collection, Iterator, Sequence

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QTabBar,
    QWidget,
)


def next_stop(window: QWidget, covered: Collection[QWidget], *, forward: bool) -> QWidget | None:
    """The control after, or before, the one that has the focus; None where there is none at all.

    `covered` are parts of the window that others hide.
    """
    places, focus = list(stops(window, covered)), QApplication.focusWidget()
    if not places:
        return None
    if focus not in places:  # within another control, or on one that Tab passes by
        around = [at for at, stop in enumerate(places) if focus is not None and stop.isAncestorOf(focus)]
        at = around[-1] if around else (-1 if forward else 0)
    else:
        at = places.index(focus)
    return places[(at + (1 if forward else -1)) % len(places)]


def reading_order(places: Sequence[QRect]) -> list[int]:
    """The places row by row, in each row from left to right; what stands beside something tall is in its row.

    In a row those at one left edge are a column, read downwards.
    """
    left = sorted(range(len(places)), key=lambda at: (places[at].top(), places[at].left()))
    order = []
    while left:
        bottom = places[left[0]].bottom()
        row = [at for at in left if at == left[0] or places[at].center().y() <= bottom]  # also of no height
        order += sorted(row, key=lambda at: (places[at].left(), places[at].top()))
        left = [at for at in left if at not in row]
    return order


def stops(widget: QWidget, covered: Collection[QWidget] = ()) -> Iterator[QWidget]:
    """Every control that Tab stops at, those in a container after each other; the one that has the focus is among them.

    What shows nothing is no stop: a list without rows, a mask without experts, has nothing to mark as current.
    """
    if _takes_tab(widget) or widget is QApplication.focusWidget():
        yield widget
    # Parts of boxes, and what areas show, hand their keys to them. Not told by focusProxy(): PySide 6.12 takes a widget
    # that is asked for its proxy for a part of that one, and crashes when they are collected.
    if isinstance(widget, QAbstractSpinBox | QComboBox):
        return
    inside = widget.viewport() if isinstance(widget, QAbstractScrollArea) else None
    for child in _in_order(widget, covered):
        if child is inside:
            for part in _in_order(child, covered):
                yield from stops(part, covered)
        else:
            yield from stops(child, covered)


def _in_order(widget: QWidget, covered: Collection[QWidget]) -> list[QWidget]:
    """What stands directly in a widget, as one reads."""
    # Not children(): PySide takes what that gives for owned by a wrapper that is gone a moment later.
    direct = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    children = [child for child in direct if _is_there(child, covered)]
    return [children[at] for at in reading_order([child.geometry() for child in children])]


def _is_there(widget: QWidget, covered: Collection[QWidget]) -> bool:
    is_spare = isinstance(widget, QTabBar) and not widget.count()  # the window keeps some for docks to come
    is_usable = widget.isVisible() and widget.isEnabled() and not widget.isWindow()
    return is_usable and not is_spare and widget not in covered


def _takes_tab(widget: QWidget) -> bool:
    is_empty = isinstance(widget, QAbstractItemView) and not widget.model().rowCount()
    if widget.isWindow() or is_empty:
        return False
    all_controls = QGuiApplication.styleHints().tabFocusBehavior() == Qt.TabFocusBehavior.TabFocusAllControls
    wanted = Qt.FocusPolicy.TabFocus if all_controls else Qt.FocusPolicy.StrongFocus
    return widget.focusPolicy() & wanted == wanted
