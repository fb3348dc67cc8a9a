"""Two lines above a question: which it is and how it ended, and the buttons to go on, go back and copy."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app import theme
from app.widgets.eliding_label import ElidingLabel
from app.widgets.parts import bold, tool_button


class QuestionHeader(QWidget):
    """Texts in, clicks out."""

    previous_requested = Signal()
    next_requested = Signal()
    copy_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.name, self.details, self.outcome = ElidingLabel(), ElidingLabel(), _Outcome()
        self.details.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label, name in ((self.name, "Question"), (self.details, "About the question"), (self.outcome, "Outcome")):
            label.setAccessibleName(name)
        bold(self.name)
        back = tool_button("‹", "Previous question", "The question before it in the list (Shift+Space)")
        forth = tool_button("›", "Next question", "The next question of the list (Space)")
        copy = tool_button("Copy prompt", "Copy prompt", "Copy the whole prompt, as the model read it, as plain text")
        back.clicked.connect(self.previous_requested)
        forth.clicked.connect(self.next_requested)
        copy.clicked.connect(self.copy_requested)
        layout = QGridLayout(self)
        layout.setContentsMargins(8, 6, 4, 4)
        layout.setHorizontalSpacing(4)
        layout.setVerticalSpacing(2)
        layout.setColumnStretch(0, 1)
        for column, widget in enumerate((self.name, self.outcome, back, forth)):
            layout.addWidget(widget, 0, column)
        layout.addWidget(self.details, 1, 0)
        layout.addWidget(copy, 1, 1, 1, 3)

    def set_question(self, name: str, outcome: str, details: str) -> None:
        """Show another question; `outcome` is one of the words that QuestionTable uses."""
        self.name.set_text(name)
        self.details.set_text(details)
        self.outcome.show_outcome(outcome)


class _Outcome(QLabel):
    """A mark and a word in the colour of the outcome, which follows the theme."""

    _colour = ""

    def show_outcome(self, outcome: str) -> None:
        mark, self._colour = _OUTCOMES.get(outcome, ("", ""))
        self.setText(f"{mark} {outcome}".strip())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), self.palette()
        text, ground = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
        painter.setPen(theme.readable(QColor(self._colour), ground) if self._colour else text)
        painter.drawText(self.contentsRect(), self.alignment(), self.text())


_OUTCOMES = {
    "right": ("✓", theme.RIGHT),
    "wrong": ("✗", theme.WRONG),
    "failed": ("⚠", theme.WRONG),
    "damaged": ("?", theme.WRONG),
}
