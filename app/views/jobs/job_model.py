"""The jobs as rows: what each was asked with, how far it is, what came of it; they can be dragged to their order."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPalette

from app.state.job_state import JobEntry, JobStatus
from app.widgets.safe_text import as_tooltip
from app.widgets.tables.tinted_rows import IS_SENTENCE
from moe_core.numbers.formatting import duration

_MIME = "application/x-moescope-job"
_NO_PARENT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex
SHARE = Qt.ItemDataRole.UserRole
"""How far the job of a row is that runs, 0..1; None where that is not known."""


def state_text(entry: JobEntry) -> str:
    """`waiting`, `running`; of a live what-if that it is one."""
    return f"{entry.status}, live" if entry.is_live else str(entry.status)


def time_text(entry: JobEntry) -> str:
    """How long it will still take; of what ended how long it took."""
    if entry.status.is_over:
        return f"took {duration(entry.seconds)}" if entry.seconds >= 1 else ""
    return f"{duration(entry.eta_s)} left" if entry.eta_s is not None else ""


def result_text(entry: JobEntry) -> str:
    """Where the result is, or why there is none."""
    return entry.problem or (entry.result.name if entry.result else "")


COLUMNS: tuple[tuple[str, str, Callable[[JobEntry], str]], ...] = (
    ("Job", "What runs; those that wait do so in this order, and can be dragged to another", lambda e: e.title),
    ("State", "A bar is how far the job is that runs. A live what-if goes before all others", state_text),
    ("Result", "The file that came of it, or why there is none; a double click opens it", result_text),
    ("Time", "How long it will still take, or took", time_text),
    ("Asked with", "What it was asked with; that was frozen when it was asked for", lambda e: e.about),
)
STATE, RESULT = 1, 2


class JobModel(QAbstractTableModel):
    """`moved` carries the number of a job that was dragged, and its new place."""

    moved = Signal(int, int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: Sequence[JobEntry] = ()

    def show(self, entries: Sequence[JobEntry]) -> None:
        """Show these; rows that stay are changed and not made anew, so that nothing that is chosen is lost."""
        same = [entry.number for entry in entries] == [entry.number for entry in self.entries]
        if same:
            self.entries = entries
            if entries:
                self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def row_of(self, number: int | None) -> int | None:
        return next((row for row, entry in enumerate(self.entries) if entry.number == number), None)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry, (_, _, text) = self.entries[index.row()], COLUMNS[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text(entry)
            case Qt.ItemDataRole.ToolTipRole:
                return as_tooltip(text(entry))
            case Qt.ItemDataRole.ForegroundRole if entry.status.is_over and entry.status is not JobStatus.FAILED:
                return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)
            case _ if role == IS_SENTENCE:
                return index.column() != RESULT or bool(entry.problem)
            case _ if role == SHARE and index.column() == STATE and entry.status is JobStatus.RUNNING:
                return entry.share
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return as_tooltip(COLUMNS[section][1])
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return usual | Qt.ItemFlag.ItemIsDragEnabled if self.entries[index.row()].may_move else usual

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, str(self.entries[indexes[0].row()].number).encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        number = int(bytes(data.data(_MIME).data()) or b"0")
        before, place = self.row_of(number), row if row >= 0 else len(self.entries)
        if before is not None:
            self.moved.emit(number, place - (place > before))
        return False  # the rows come anew with the order
