"""One button for each way a question can end: those pressed are shown, all of them where none is."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QStyleOptionToolButton, QToolButton, QWidget

from app import theme
from app.widgets.parts import in_row


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
        self.buttons = [_Toggle(mark) for mark in marks]
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


class _Toggle(QToolButton):
    """A button with the mark, whose colour is as words have it in the theme there is."""

    def __init__(self, mark: OutcomeMark) -> None:
        super().__init__()
        self._mark = mark
        self.setText(mark.symbol)
        self.setAccessibleName(f"Questions {mark.words}")
        self.setAutoRaise(True)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def initStyleOption(self, option: QStyleOptionToolButton) -> None:
        super().initStyleOption(option)
        if self._mark.colour:
            palette, role = option.palette, QPalette.ColorRole
            grounds = palette.color(role.Window), palette.color(role.Button)
            palette.setColor(role.ButtonText, theme.readable(QColor(self._mark.colour), *grounds))
            option.palette = palette
