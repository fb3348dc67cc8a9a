"""The Log view: what happened, at which level, with whole tracebacks, to read and to copy."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication, QPalette, QShowEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QLabel, QPlainTextEdit, QPushButton

from app import theme
from app.log_records import LIMIT, LogRecord, installed_records
from app.state.session import Session
from app.state.state import State
from app.view import View
from app.widgets.parts import in_column, in_row, named, only_read

_LEVELS = {"All": logging.NOTSET, "Info": logging.INFO, "Warning": logging.WARNING, "Error": logging.ERROR}
_ORANGE = "#E69F00"
_DELAY_MS = 100
"""Records that come within this time are shown together."""


class LogView(View):
    """A reader of the process's log; scrolled to its end, it follows."""

    name = "log"
    depends_on = frozenset()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.records = installed_records()
        self._next = 0
        self._n_shown = 0
        self.level = named(QComboBox(), "Lowest level shown", "Hide records that matter less than this")
        self.level.addItems(list(_LEVELS))
        self.level.currentIndexChanged.connect(self.redraw)
        self.copy_button = _button("Copy", "Copy what is shown, as plain text", self._on_copy)
        self.clear_button = _button("Clear", "Forget everything logged so far", self._on_clear)
        self.text = named(only_read(QPlainTextEdit()), "Log")
        self.text.setPlaceholderText("Nothing was logged yet: what runs, and what goes wrong, is written here.")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setUndoRedoEnabled(False)
        self.text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._lay_out()
        self._wait = QTimer(self, singleShot=True, interval=_DELAY_MS)
        self._wait.timeout.connect(self._append_new)
        self.records.news.came.connect(self._on_news, Qt.ConnectionType.QueuedConnection)

    def _lay_out(self) -> None:
        label = QLabel("Level")
        label.setBuddy(self.level)
        line = in_row(None, label, self.level, 0, self.copy_button, self.clear_button, margins=(8, 4, 8, 4), spacing=8)
        in_column(self.body, line, self.text, spacing=0)

    def draw(self, state: State) -> None:
        """Everything anew: another level, other colours, or shown again."""
        self.text.clear()
        self._next = self._n_shown = 0
        self._append_new()

    def options(self) -> dict[str, Any]:
        return {"level": self.level.currentText()}

    def set_options(self, options: dict[str, Any]) -> None:
        if options.get("level") in list(_LEVELS):
            self.level.setCurrentText(options["level"])

    @Slot()
    def _on_news(self) -> None:
        if not self._wait.isActive():
            self._wait.start()

    @Slot()
    def _append_new(self) -> None:
        if not self.isVisible():
            return  # comes again when it is shown
        new = self.records.since(self._next)
        if not new:
            return
        if self._n_shown + len(new) > LIMIT + LIMIT // 10 and self._next:
            self.draw(self.state)  # the oldest are kept no longer
            return
        self._next = new[-1].number + 1
        self._n_shown += len(new)
        lowest = _LEVELS[self.level.currentText()]
        self._append([record for record in new if record.level >= lowest])

    def _append(self, records: Sequence[LogRecord]) -> None:
        scroll = self.text.verticalScrollBar()
        follows, before = scroll.value() >= scroll.maximum() - 1, scroll.value()  # Ctrl+End stops one line before
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        for record in records:
            separator = "" if cursor.atStart() else "\n"
            cursor.insertText(separator + record.text, self._format_of(record.level))
        cursor.endEditBlock()
        scroll.setValue(scroll.maximum() if follows else before)

    def _format_of(self, level: int) -> QTextCharFormat:
        palette, form = self.palette(), QTextCharFormat()
        colour = palette.color(QPalette.ColorRole.Text)
        if level >= logging.ERROR:
            colour = QColor(theme.WRONG)
        elif level >= logging.WARNING:
            colour = QColor(_ORANGE)
        elif level < logging.INFO:
            colour = palette.color(QPalette.ColorRole.PlaceholderText)
        form.setForeground(theme.readable(colour, palette.color(QPalette.ColorRole.Base)))
        return form

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())

    @Slot()
    def _on_clear(self) -> None:
        self.records.clear()
        self.redraw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._append_new()


def _button(text: str, tip: str, slot: Callable[[], None]) -> QPushButton:
    button = named(QPushButton(text), f"{text} the log", tip)
    button.clicked.connect(slot)
    return button
