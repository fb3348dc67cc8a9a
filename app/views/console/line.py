"""The line one types into: pyqtgraph's, with its history, and keys to complete and to clear."""

from pyqtgraph.console.CmdInput import CmdInput
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFontDatabase, QKeyEvent
from PySide6.QtWidgets import QWidget

_MOST_KEPT = 200
_PASTED_END = "\u2028"
"""What Qt makes of the end of a line that is pasted."""


class Line(CmdInput):  # type: ignore[misc]  # pyqtgraph has no types
    """`entered` carries what was typed; pasted lines come as one text."""

    entered = Signal(str)
    completion_wanted = Signal(str)
    clear_wanted = Signal()
    given_up = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setAccessibleName("Python")
        self.setToolTip(
            "Enter runs it, Up and Down bring back what was typed before, Tab completes a name, "
            "Escape gives a statement up, Ctrl+L clears the console. "
            "The window stands still while it runs; Ctrl+C ends it."
        )
        self._is_continued = False
        self.sigExecuteCmd.connect(self._on_entered)

    @property
    def prompt(self) -> str:
        """`>>> `, or `... ` where a statement goes on."""
        return str(self.ps2 if self._is_continued else self.ps1)

    @property
    def kept(self) -> list[str]:
        """What was typed, the last one first."""
        return [text for text in self.history[1 : _MOST_KEPT + 1] if text.strip()]

    def keep(self, typed: list[str]) -> None:
        """Take up what was typed before."""
        self.history = ["", *typed[:_MOST_KEPT]]

    def go_on(self, indent: str = "") -> None:
        """Ask for the next line of a statement that is not whole."""
        self._is_continued = True
        self.setMultiline(True)
        self.setText(indent)

    def begin(self) -> None:
        """Ask for a new statement."""
        self._is_continued = False
        self.setMultiline(False)

    def _on_entered(self, text: str) -> None:
        self.entered.emit(text.replace(_PASTED_END, "\n"))

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab completes where there is a name to complete, and indents a further line; else it goes on."""
        before = self.text()[: self.cursorPosition()]
        if forward and before.strip():
            self.completion_wanted.emit(before)
            return True
        if forward and self._is_continued:
            self.insert("    ")
            return True
        return bool(super().focusNextPrevChild(forward))

    def event(self, event: QEvent) -> bool:
        """Keys of the line are none of the window meanwhile."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._is_own(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _clears(event):
            self.clear_wanted.emit()
        elif self._gives_up(event):
            self.clear()
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def _is_own(self, event: QKeyEvent) -> bool:
        return _clears(event) or self._gives_up(event)

    def _gives_up(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and (self._is_continued or bool(self.text()))


def _clears(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_L and event.modifiers() == Qt.KeyboardModifier.ControlModifier
