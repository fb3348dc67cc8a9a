"""Widgets as a person sees them."""

from typing import TypeVar

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

Shown = TypeVar("Shown", bound=QWidget)


def on_screen(widget: Shown, qtbot: QtBot, width: int, height: int) -> Shown:
    """The widget, shown in that size; it goes with the test."""
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitActive(widget):
        widget.show()
    return widget
