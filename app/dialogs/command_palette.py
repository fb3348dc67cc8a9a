"""Finds any action by its name: type a few letters, arrow keys, Enter."""

import re
from operator import itemgetter

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

_ACTION = Qt.ItemDataRole.UserRole
_NOWHERE = 4


class CommandPalette(QDialog):
    """Lists the actions whose text or tip holds every typed word, the best match first; Enter runs the chosen one."""

    def __init__(self, actions: list[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Command palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 420)
        self._actions = [action for action in actions if action.objectName() != "action-palette"]
        self.search = QLineEdit(placeholderText="What do you want to do?")
        self.search.setAccessibleName("Search actions")
        self.search.setToolTip("Words of an action's name or of what it does; arrow keys choose, Enter runs it")
        self.search.textChanged.connect(self._fill)
        self.search.returnPressed.connect(self._run_chosen)
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Actions")
        self.list.itemActivated.connect(self._run_chosen)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self._fill("")

    def _fill(self, typed: str) -> None:
        words = typed.casefold().split()
        self.list.clear()
        found = [(far, action) for action in self._actions if (far := _distance(action, words)) is not None]
        for _, action in sorted(found, key=itemgetter(0)):
            self._add(action)
        self.list.setCurrentRow(0)

    def _add(self, action: QAction) -> None:
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        item = QListWidgetItem(f"{action.text()}    {keys}" if keys else action.text())
        item.setToolTip(action.toolTip())
        item.setData(_ACTION, action)
        if not action.isEnabled():
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(item)

    def _run_chosen(self) -> None:
        item = self.list.currentItem()
        if item is None or not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        action: QAction = item.data(_ACTION)
        self.accept()
        action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the cursor stays in the search field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                row = self.list.currentRow() + step
                self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
                return True
        return super().eventFilter(watched, event)


def _distance(action: QAction, words: list[str]) -> int | None:
    """How far the words are from being those of the action's name, in all; None where one is not even in its tip."""
    ranks = [_rank(re.escape(word), action.text().casefold(), action.toolTip().casefold()) for word in words]
    return None if _NOWHERE in ranks else sum(ranks)


def _rank(word: str, name: str, tip: str) -> int:
    """0 for a word of the name, 1 for the beginning of one, 2 for letters in it, 3 for letters in the tip."""
    hits = re.search(rf"\b{word}\b", name), re.search(rf"\b{word}", name), re.search(word, name), re.search(word, tip)
    return next((rank for rank, hit in enumerate(hits) if hit), _NOWHERE)
