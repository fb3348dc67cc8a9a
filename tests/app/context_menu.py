"""A right click as the window gets it, and the actions that it offers."""

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QMenu, QWidget


def right_click(on: QWidget, place: QPoint) -> None:
    """With the mouse, at a place of a widget, or of what it scrolls."""
    inner = on.viewport() if isinstance(on, QAbstractScrollArea) else on
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, inner.mapToGlobal(place))
    QApplication.sendEvent(inner, event)


def offered(widget: QWidget) -> dict[str, QAction]:
    """The window's actions in the menu that just opened, by their names."""
    (menu,) = [found for found in widget.findChildren(QMenu) if found.isVisible()]
    actions = {action.objectName().removeprefix("action-"): action for action in menu.actions() if action.objectName()}
    menu.hide()
    return actions
