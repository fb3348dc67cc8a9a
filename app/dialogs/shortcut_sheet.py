"""Every action with its keys and what it does, and what the mouse does in the views."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QTableWidget, QTableWidgetItem, QWidget

from app.widgets.filter.search_field import SearchField
from app.widgets.mnemonics import without_mnemonic
from app.widgets.parts import in_column, named

_IN_VIEWS = (
    ("Arrow keys", "Move in the list, the grid, the prompt", "Shift extends the selection of cells"),
    ("Click, Ctrl+click, Shift+click, drag", "Select cells of the grid", "Heads select a layer or an expert"),
    ("Wheel, + and −", "Zoom a plot", "Over one of its axes that one alone; 0 shows all again"),
    (
        "Drag with the middle or right button",
        "Move what a plot shows",
        "Where nothing is selected by it, the left one too",
    ),
    ("Right click", "Copy, save or show a figure as a table", "Also Ctrl+E"),
)

_KEYS_LETTERS, _ACTION_LETTERS = 26, 32


class ShortcutSheet(QDialog):
    """A table one can search by eye and copy from."""

    def __init__(self, actions: list[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 560)
        rows = [
            (_keys(action), without_mnemonic(action.text()), action.toolTip()) for action in actions if _keys(action)
        ]
        rows += _IN_VIEWS
        self.table = named(QTableWidget(len(rows), 3), "Keyboard shortcuts")
        self.table.setHorizontalHeaderLabels(["Keys", "Action", "What it does"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
        self._fit()
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.search = SearchField("Filter the list …", "Which shortcuts are listed")
        self.search.setToolTip("Words or keys that an entry must have")
        self.search.textChanged.connect(self._narrow)
        in_column(self, self.search, self.table, margins=None)

    def _narrow(self, typed: str) -> None:
        """List only what has every word."""
        words = typed.casefold().split()
        for row in range(self.table.rowCount()):
            items = (self.table.item(row, column) for column in range(3))
            text = " ".join(item.text() for item in items if item is not None).casefold()
            self.table.setRowHidden(row, not all(word in text for word in words))

    def _fit(self) -> None:
        """Texts wrap rather than going on beyond the edge: nobody reads what he has to scroll sideways for."""
        header, letter = self.table.horizontalHeader(), self.fontMetrics().averageCharWidth()
        self.table.setWordWrap(True)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setColumnWidth(0, _KEYS_LETTERS * letter)
        self.table.setColumnWidth(1, _ACTION_LETTERS * letter)
        header.setSectionResizeMode(2, header.ResizeMode.Stretch)
        header.sectionResized.connect(self.table.resizeRowsToContents)
        self.table.resizeRowsToContents()


def _keys(action: QAction) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return " or ".join(sequence.toString(native) for sequence in action.shortcuts())
