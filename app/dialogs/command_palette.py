"""Finds anything by its name: type a few letters, arrow keys, Enter."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QWidget

from app.widgets.mnemonics import without_mnemonic
from app.widgets.parts import in_column, named

_CHOICE = Qt.ItemDataRole.UserRole
_NOWHERE = 4


@dataclass(frozen=True)
class PaletteChoice:
    """One thing to choose: its name, what it does, its keys, and what is run."""

    name: str
    tip: str
    run: Callable[[], object]
    keys: str = ""
    is_enabled: bool = True


def choice_of(action: QAction) -> PaletteChoice:
    """An action of the window."""
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    name = without_mnemonic(action.text())
    return PaletteChoice(name, action.toolTip(), action.trigger, keys, is_enabled=action.isEnabled())


class CommandPalette(QDialog):
    """Lists what has every typed word in its name or tip, the best match first; Enter runs the chosen one.

    `choices` are listed in their order while nothing is typed; `find` gives more, such as questions, for what is typed.
    """

    def __init__(
        self,
        choices: list[PaletteChoice],
        parent: QWidget,
        find: Callable[[str], list[PaletteChoice]] = lambda typed: [],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Command palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 420)
        self._choices, self._find = choices, find
        self.search = QLineEdit(placeholderText="An action, metric, view, subject, question, or an expert such as 3:17")
        self.search.setAccessibleName("Search actions, metrics, views, subjects, experts and questions")
        self.search.setToolTip("Words of a name or of what it does; arrow keys choose, Enter runs it")
        self.search.textChanged.connect(self._fill)
        self.search.returnPressed.connect(self._run_chosen)
        self.search.installEventFilter(self)
        self.list = named(QListWidget(), "What was found")
        self.list.itemActivated.connect(self._run_chosen)
        in_column(self, self.search, self.list, margins=None)
        self._fill("")

    def _fill(self, typed: str) -> None:
        words = typed.casefold().split()
        found = [(far, choice) for choice in self._choices if (far := _distance(choice, words)) is not None]
        # What was looked up matches by more than its name, and then stands before what has a word in its tip alone.
        found += [(2 if (far := _distance(choice, words)) is None else far, choice) for choice in self._find(typed)]
        self.list.clear()
        for _, choice in sorted(found, key=itemgetter(0)):
            self._add(choice)
        if not found:
            QListWidgetItem("Nothing has these words in its name: try fewer.", self.list).setFlags(
                Qt.ItemFlag.NoItemFlags
            )
        self.list.setCurrentRow(0)

    def _add(self, choice: PaletteChoice) -> None:
        item = QListWidgetItem(f"{choice.name}    {choice.keys}" if choice.keys else choice.name)
        item.setToolTip(choice.tip)
        item.setData(_CHOICE, choice)
        if not choice.is_enabled:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(item)

    def _run_chosen(self) -> None:
        item = self.list.currentItem()
        if item is None or not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        choice: PaletteChoice = item.data(_CHOICE)
        self.accept()
        choice.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the cursor stays in the search field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                row = self.list.currentRow() + step
                self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
                return True
        return super().eventFilter(watched, event)


def _distance(choice: PaletteChoice, words: list[str]) -> int | None:
    """How far the words are from being those of the name, in all; None where one is not even in the tip."""
    name, tip = choice.name.casefold(), choice.tip.casefold()
    ranks = [_rank(re.escape(word), name, tip) for word in words]
    return None if _NOWHERE in ranks else sum(ranks)


def _rank(word: str, name: str, tip: str) -> int:
    """0 for a word of the name, 1 for the beginning of one, 2 for letters in it, 3 for letters in the tip."""
    hits = re.search(rf"\b{word}\b", name), re.search(rf"\b{word}", name), re.search(word, name), re.search(word, tip)
    return next((rank for rank, hit in enumerate(hits) if hit), _NOWHERE)
