"""Stands in a table's place where a filter lets nothing pass: one sentence, and the button that clears it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.widgets.parts import plain_text


class NoMatch(QWidget):
    """`cleared`: the button was pressed."""

    cleared = Signal()

    def __init__(self, sentence: str) -> None:
        super().__init__()
        text = plain_text(sentence, is_faded=True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
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
