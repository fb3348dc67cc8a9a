"""A line to search with: what is typed is told after a pause, so that a word is one change and not one a letter."""

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit

PAUSE_MS = 150


class SearchField(QLineEdit):
    """`searched` carries the text after a pause, at once on Return; `left_downwards` says that Down was pressed."""

    searched = Signal(str)
    left_downwards = Signal()

    def __init__(self, placeholder: str, accessible_name: str) -> None:
        super().__init__()
        self._told = ""
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self.tell)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(accessible_name)
        self.setClearButtonEnabled(True)
        self.textChanged.connect(self._on_text_changed)
        self.returnPressed.connect(self.tell)

    def set_text(self, text: str) -> None:
        """Show a text that was changed elsewhere; what is being typed stays where it was not."""
        if text != self._told:
            self._told = text
            self.setText(text)
            self._pause.stop()

    def tell(self) -> None:
        """Say now what is typed."""
        self._pause.stop()
        if self.text() != self._told:
            self._told = self.text()
            self.searched.emit(self._told)

    def _on_text_changed(self, text: str) -> None:
        if text != self._told:
            self._pause.start()

    def event(self, event: QEvent) -> bool:
        """Esc is the field's own while it holds text; undo is always the window's, which knows what else was done."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape and self.text():
                event.accept()
                return True
            if event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo):
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            self.tell()
        elif event.key() == Qt.Key.Key_Down:
            self.tell()
            self.left_downwards.emit()
        else:
            super().keyPressEvent(event)
