"""Stands in a table's place where a filter lets nothing pass: one sentence, and the button that clears it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class NoMatch(QWidget):
    """`cleared`: the button was pressed."""

    cleared = Signal()

    def __init__(self, sentence: str) -> None:
        super().__init__()
        text = QLabel(sentence)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setWordWrap(True)
        text.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton("Clear filter")
        self.button.setToolTip("Remove every condition: all questions pass (Ctrl+Shift+F).")
        self.button.clicked.connect(self.cleared)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(24, 24, 24, 24)
        rows.addStretch()
        rows.addWidget(text)
        rows.addSpacing(8)
        rows.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignCenter)
        rows.addStretch()
