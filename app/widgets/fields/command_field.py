"""A command line that is only read, and copied as it is."""

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit

from app.widgets.parts import only_read

_WORD_JOINER = "\u2060"
"""Has no width; no line ends beside it."""


class CommandField(QPlainTextEdit):
    """Ends no line at a hyphen, as Qt would between the dashes of an option and its word."""

    def __init__(self) -> None:
        super().__init__()
        only_read(self)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setFixedHeight(self.fontMetrics().lineSpacing() * 3 + 12)

    @property
    def text(self) -> str:
        return self.toPlainText().replace(_WORD_JOINER, "")

    def show_command(self, command: str) -> None:
        self.setPlainText(command.replace("-", f"-{_WORD_JOINER}"))

    def createMimeDataFromSelection(self) -> QMimeData:
        data = super().createMimeDataFromSelection()  # one made here would be deleted twice, as Qt leaves
        text = data.text()
        data.clear()
        data.setText(text.replace(_WORD_JOINER, ""))
        return data
