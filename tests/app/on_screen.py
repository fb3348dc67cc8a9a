"""Widgets as a person sees them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

Shown = TypeVar("Shown", bound=QWidget)


def on_screen(widget: Shown, qtbot: QtBot, width: int, height: int) -> Shown:
    """The widget, shown in that size; it goes with the test."""
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitActive(widget):
        widget.show()
    return widget


@contextmanager
def windows_shown() -> Iterator[list[str]]:
    """The kinds of what is shown as a window of its own meanwhile, as are parts that have no place yet."""
    watch = _Watch()
    QApplication.instance().installEventFilter(watch)
    try:
        yield watch.shown
    finally:
        QApplication.instance().removeEventFilter(watch)


class _Watch(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_shown = event.type() == QEvent.Type.Show and isinstance(watched, QWidget)
        if is_shown and watched.windowType() == Qt.WindowType.Window:
            self.shown.append(type(watched).__name__)
        return False
