"""A line for the address of a cluster; emptied, it means this computer."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QLineEdit

from app import theme

ProblemOf = Callable[[str], str]


class AddressField(QLineEdit):
    """`chosen` carries what was typed once that is done, where `problem_of` finds nothing wrong with it.

    What is wrong is said in the tip, and shown as such by the text's colour, until something else is typed.
    """

    chosen = Signal(str)

    def __init__(self, problem_of: ProblemOf, tip: str) -> None:
        super().__init__()
        self._problem_of = problem_of
        self._tip = tip
        self.setPlaceholderText("this program")
        self.setClearButtonEnabled(True)
        self.setToolTip(tip)
        self.textChanged.connect(self._judge)
        self.editingFinished.connect(self._on_finished)

    @property
    def address(self) -> str:
        return self.text().strip()

    @property
    def problem(self) -> str:
        """What is wrong with it, in a sentence; empty where nothing is."""
        return self._problem_of(self.address) if self.address else ""

    def show_address(self, address: str) -> None:
        """Show what is chosen, unless somebody is typing."""
        if not self.hasFocus() and self.address != address:
            self.setText(address)

    def _judge(self) -> None:
        self.setToolTip(self.problem or self._tip)
        palette = QPalette()
        if self.problem:
            ground = QGuiApplication.palette().color(QPalette.ColorRole.Base)
            palette.setColor(QPalette.ColorRole.Text, theme.readable(QColor(theme.WRONG), ground))
        self.setPalette(palette)

    def _on_finished(self) -> None:
        if not self.problem:
            self.chosen.emit(self.address)
