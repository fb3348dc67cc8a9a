"""One button for each way a question can end: those pressed are shown, all of them where none is."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QToolButton, QWidget

from app.widgets.parts import in_row, tool_button


@dataclass(frozen=True)
class OutcomeMark:
    """`symbol` and `colour` (empty: that of text) stand for the outcome everywhere; `words` name it."""

    symbol: str
    words: str
    colour: str = ""


class OutcomeToggles(QWidget):
    """`chosen` carries the places of the pressed buttons among the marks."""

    chosen = Signal(object)

    def __init__(self, marks: tuple[OutcomeMark, ...]) -> None:
        super().__init__()
        self._marks = marks
        row = in_row(self, spacing=0)
        self.buttons = [_made(mark) for mark in marks]
        for button in self.buttons:
            row.addWidget(button)
            button.clicked.connect(self._on_clicked)

    def set_counts(self, counts: tuple[int, ...], offered: frozenset[int]) -> None:
        """Show the buttons offered, with the number of questions of each in its tooltip."""
        for place, (button, mark) in enumerate(zip(self.buttons, self._marks, strict=True)):
            button.setVisible(place in offered)
            button.setToolTip(f"Show only questions {mark.words}: {counts[place]:,} in the trace.")
        self.updateGeometry()  # Qt itself says so only where the buttons can be seen

    def set_chosen(self, places: frozenset[int]) -> None:
        """Press the buttons of a filter."""
        for place, button in enumerate(self.buttons):
            button.setChecked(place in places)

    def _on_clicked(self) -> None:
        self.chosen.emit(tuple(place for place, button in enumerate(self.buttons) if button.isChecked()))


def _made(mark: OutcomeMark) -> QToolButton:
    button = tool_button(mark.symbol, f"Questions {mark.words}", "")
    button.setCheckable(True)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    if mark.colour:
        palette = button.palette()
        palette.setColor(QPalette.ColorRole.ButtonText, QColor(mark.colour))
        button.setPalette(palette)
    return button
