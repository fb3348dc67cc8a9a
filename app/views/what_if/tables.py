"""The tables of the What if view: the change of every subject, and all what-ifs of the trace."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from app import theme
from app.content.job_words import about
from app.content.mask_editing import experts_words
from app.state.what_if_state import WhatIf
from app.widgets.safe_text import as_tooltip
from app.widgets.tables.tinted_rows import TintedRows
from moe_core.comparison.comparison import SubjectChange
from moe_core.numbers.formatting import NOTHING, count, fixed, p_number, percent

SUBJECT_COLUMNS = {
    "Subject": "The quiz's own name; the greatest change stands first",
    "Before": "Accuracy without the mask",
    "After": "Accuracy with it",
    "Change, points": "After less before, with its paired 95 % interval",
    "p": "McNemar's exact p, corrected for there being many subjects",
    "n": "Questions compared",
}
HISTORY_COLUMNS = {
    "What-if": "Double-click or F2 renames it",
    "Change, points": "Accuracy after less before, with its paired 95 % interval",
    "p": "McNemar's exact p",
    "n": "Questions compared that have an answer",
    "Before": "Accuracy without the mask",
    "After": "Accuracy with it",
    "Effect": "What is done to the experts",
    "Experts": "How many something is done to",
    "Seconds": "How long it took, where that was in this session",
    "Questions": "Which were asked",
}

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CHANGE = list(SUBJECT_COLUMNS).index("Change, points")


class _Table(QTableWidget):
    """Rows of texts that are read, selected and sorted by nobody; headings explain themselves."""

    def __init__(self, columns: dict[str, str], name: str) -> None:
        super().__init__(0, len(columns))
        for at, (heading, tip) in enumerate(columns.items()):
            item = QTableWidgetItem(heading)
            item.setToolTip(tip)
            item.setTextAlignment(_RIGHT if at else _LEFT)
            self.setHorizontalHeaderItem(at, item)
        self.setItemDelegate(TintedRows(self))
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setFont(theme.tabular(self.font()))

    def fill(self, rows: Sequence[Sequence[str]]) -> None:
        """Show these texts; the first of a row can be edited where the table can, numbers stand at the right."""
        self.setRowCount(len(rows))
        for at, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(as_tooltip(text))
                item.setTextAlignment(_RIGHT if column else _LEFT)
                if column:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                self.setItem(at, column, item)


class SubjectTable(_Table):
    """The change of each subject; those that are clear after the correction stand out."""

    def __init__(self) -> None:
        super().__init__(SUBJECT_COLUMNS, "Change by subject")

    @property
    def current_subject(self) -> str:
        """The subject of the current row; empty without one."""
        item = self.item(self.currentRow(), 0)
        return "" if item is None else item.text()

    def show_subjects(self, subjects: Sequence[SubjectChange]) -> None:
        ordered = sorted(subjects, key=lambda row: (-abs(row.change.delta), row.name))
        self.fill([_subject_texts(row) for row in ordered])
        for at, row in enumerate(ordered):
            item = self.item(at, _CHANGE)
            if row.corrected_p < 0.05 and item is not None:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
                item.setForeground(QColor(theme.RIGHT if row.change.delta > 0 else theme.WRONG))


class HistoryTable(_Table):
    """`chosen`, `renamed` (with the new title) and `removed` carry the place in the history."""

    chosen = Signal(int)
    renamed = Signal(int, str)
    removed = Signal(int)

    def __init__(self) -> None:
        super().__init__(HISTORY_COLUMNS, "What-ifs of this trace")
        self._history: tuple[WhatIf, ...] = ()
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.itemChanged.connect(self._on_edited)
        self.currentCellChanged.connect(self._on_current)

    def show_history(self, history: tuple[WhatIf, ...], shown: WhatIf | None) -> None:
        """Show these, the one looked at being current."""
        with QSignalBlocker(self):
            if history != self._history:
                self._history = history
                self.fill([_history_texts(made) for made in history])
                for at, made in enumerate(history):  # titles of large masks may be alike
                    if (item := self.item(at, 0)) is not None:
                        item.setToolTip(as_tooltip(about(made.title, experts_words(made.intervention))))
            if shown in history:
                self.selectRow(history.index(shown))
            else:
                self.clearSelection()
                self.setCurrentCell(-1, -1)

    def _on_current(self, row: int, _column: int, before: int, _before_column: int) -> None:
        if row >= 0 and row != before:
            self.chosen.emit(row)

    def _on_edited(self, item: QTableWidgetItem) -> None:
        title = item.text().strip()
        if title and title != self._history[item.row()].title:
            self.renamed.emit(item.row(), title)
        elif not title:
            item.setText(self._history[item.row()].title)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.currentRow() >= 0:
            self.removed.emit(self.currentRow())
        else:
            super().keyPressEvent(event)


def _subject_texts(row: SubjectChange) -> list[str]:
    change = row.change
    shares = percent(change.before.estimate), percent(change.after.estimate)
    return [row.name, *shares, change.delta_number, p_number(row.corrected_p), count(change.n)]


def _history_texts(made: WhatIf) -> list[str]:
    change, mask = made.comparison.accuracy, made.intervention
    return [
        made.title,
        change.delta_number,
        p_number(change.p),
        count(change.n),
        percent(change.before.estimate),
        percent(change.after.estimate),
        mask.effect + mask.place,
        count(len(mask.experts)),
        fixed(made.seconds, 1) if made.seconds else NOTHING,
        made.comparison.after.quiz.selection,
    ]
