"""Three hints on where to begin, shown once on the demo."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget


class Tour(QObject):
    """Shows one hint after the other beside the view it speaks of."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)

    def start(self) -> None:
        """Show the first hint."""
