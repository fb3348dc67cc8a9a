"""The Console view: commands of Python on the trace and the selection that the window shows."""

from collections import deque
from typing import Any, Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit

from app import theme
from app.state.session import Session
from app.state.state import SELECTION, State
from app.view import View
from app.views.console.interpreter import Interpreter
from app.views.console.line import Line
from app.views.console.names import (
    MISSING,
    Selection,
    can_complete,
    completions,
    counted,
    lasting_names,
    refreshed_names,
)
from app.views.console.stopping import StopListener
from app.widgets.eliding_label import ElidingLabel
from app.widgets.parts import button, in_column, in_row, named, only_read

_GREETING = (
    "At hand: trace, selection, state (as the window shows them), session, moe_core (also moe), np, replace. "
    "The window stands still while a command runs, which Ctrl+C or Stop ends; jobs go on beside it."
)
_LONG_S = 2.0
_MOST_PIECES = 2000
_MOST_BLOCKS = 20_000

Kind = Literal["command", "output", "error", "note"]


class ConsoleView(View):
    """What was typed and what came of it, and the line for the next command."""

    name = "console"
    depends_on = SELECTION | {"experts"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.interpreter = Interpreter(lasting_names(session))
        self._pieces: deque[tuple[str, Kind]] = deque(maxlen=_MOST_PIECES)
        self._ink = self.palette().color(QPalette.ColorRole.Text)
        self.text = named(only_read(QPlainTextEdit()), "What the console says")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(_MOST_BLOCKS)
        self.text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.line = Line()
        self.line.entered.connect(self._on_entered)
        self.line.completion_wanted.connect(self._on_completion_wanted)
        self.line.clear_wanted.connect(self._on_clear)
        self.line.given_up.connect(self._on_given_up)
        self.stop_button = button("Stop", "End the command that runs (Ctrl+C)")
        self._stopping = StopListener(self.stop_button)
        self.at_hand = ElidingLabel()
        self.begin_keys_at(self.line)
        self._lay_out()
        self._say(_GREETING + "\n", "note")
        if not can_complete():
            self._say(MISSING + "\n", "note")

    def draw(self, state: State) -> None:
        """What the names stand for now, and the text in the present colours."""
        name = "no trace is open" if state.trace is None else f"trace: {state.trace.path.name}"
        self.at_hand.set_text(name if state.trace is None else f"{name}; {counted(Selection(state))}")
        ink = self.palette().color(QPalette.ColorRole.Text)
        if ink != self._ink:
            self._ink = ink
            self.text.clear()
            for text, kind in self._pieces:
                self._insert(text, kind)

    def options(self) -> dict[str, Any]:
        return {"history": self.line.kept}

    def set_options(self, options: dict[str, Any]) -> None:
        history = options.get("history")
        if isinstance(history, list) and all(isinstance(text, str) for text in history):
            self.line.keep(history)

    def _lay_out(self) -> None:
        prompt = QLabel("Python")
        prompt.setBuddy(self.line)
        below = in_row(None, prompt, self.line, self.stop_button, margins=(8, 4, 8, 4), spacing=8)
        self.at_hand.setContentsMargins(8, 4, 8, 4)
        in_column(self.body, self.at_hand, self.text, below, spacing=0)

    def _on_entered(self, text: str) -> None:
        self._say(self.line.prompt + text.replace("\n", "\n... ") + "\n", "command")
        self.text.repaint()  # what runs is read while the window stands still
        self.interpreter.namespace.update(refreshed_names(self.state))
        QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            with self._stopping.listening():
                said = self.interpreter.enter(text)
        finally:
            QApplication.restoreOverrideCursor()
        if said.wants_more:
            self.line.go_on(indent_after(text))
            return
        self.line.begin()
        self._say(said.output, "output")
        self._say(said.error, "error")
        self._say(length_of_stop(said.seconds), "note")

    def _on_completion_wanted(self, before: str) -> None:
        if not can_complete():
            self._say(MISSING + "\n", "note")
            return
        namespace = self.interpreter.namespace | refreshed_names(self.state)
        more, names = completions(before, namespace)
        self.line.insert(more)
        if not more and len(names) > 1:
            self._say("  ".join(names) + "\n", "note")

    def _on_given_up(self) -> None:
        self.interpreter.forget()
        self.line.begin()

    def _on_clear(self) -> None:
        self._pieces.clear()
        self.text.clear()

    def _say(self, text: str, kind: Kind) -> None:
        if not text:
            return
        text = text if text.endswith("\n") else f"{text}\n"
        self._pieces.append((text, kind))
        self._insert(text, kind)

    def _insert(self, text: str, kind: Kind) -> None:
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text, self._format_of(kind))
        scroll = self.text.verticalScrollBar()
        scroll.setValue(scroll.maximum())

    def _format_of(self, kind: Kind) -> QTextCharFormat:
        palette, form = self.palette(), QTextCharFormat()
        colour = palette.color(QPalette.ColorRole.Text)
        if kind == "error":
            colour = theme.readable(QColor(theme.WRONG), palette.color(QPalette.ColorRole.Base))
        elif kind == "note":
            colour = palette.color(QPalette.ColorRole.PlaceholderText)
        elif kind == "command":
            form.setFontWeight(QFont.Weight.Bold)
        form.setForeground(colour)
        return form


def indent_after(line: str) -> str:
    """The blanks that the next line of a statement begins with."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    return f"{indent}    " if line.rstrip().endswith(":") else indent


def length_of_stop(seconds: float) -> str:
    """A sentence on a command that kept the window waiting; empty where nobody noticed."""
    return f"({seconds:.1f} s, in which the window stood still)\n" if seconds >= _LONG_S else ""
