"""The library as a table model: one row a trace; damaged ones are grey and say why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette

from app import theme
from app.content.remedies import with_remedies
from app.widgets.tables.tinted_rows import IS_SENTENCE
from moe_core.analyses.kept.beside import is_result_of
from moe_core.effects.map_file import is_named_for
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import NOTHING, count, counted
from moe_core.traces.library import Condition, TraceEntry

Index = QModelIndex | QPersistentModelIndex

SORT = Qt.ItemDataRole.UserRole
ENTRY = Qt.ItemDataRole.UserRole + 1

COLUMNS = {
    "Trace": "The file's name; the one that is open stands in bold",
    "Accuracy": "Share of right answers with its 95 % interval (Wilson), as far as it is recorded",
    "Status": "Complete, partial (open it: Resume goes on from there), or damaged, and why; what lies beside it",
    "Questions": "Questions that the accuracy counts",
    "Model": "The model that answered",
    "Quiz": "The quiz that was asked",
    "Intervention": "What was done to which experts; a dash for none",
    "Date": "When the recording began",
}
DATE, _STATUS = list(COLUMNS).index("Date"), list(COLUMNS).index("Status")


@dataclass(frozen=True)
class Marks:
    """Which trace is open, and which one it is compared with."""

    opened: Path | None = None
    compared: Path | None = None


class TraceList(QAbstractTableModel):
    """Rows come and go one by one, so that the selection and the place in the list stay."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[TraceEntry] = []
        self._marks = Marks()
        self._beside: frozenset[Path] = frozenset()

    @property
    def entries(self) -> tuple[TraceEntry, ...]:
        return tuple(self._entries)

    def add(self, entries: Iterable[TraceEntry]) -> None:
        """List more traces, or the same ones with other contents."""
        rows = {entry.path: row for row, entry in enumerate(self._entries)}
        for entry in entries:
            row = rows.get(entry.path)
            if row is None:
                self._insert(entry)
            elif self._entries[row] != entry:
                self._entries[row] = entry
                self._tell(row)

    def keep(self, paths: frozenset[Path]) -> None:
        for row in reversed(range(len(self._entries))):
            if self._entries[row].path not in paths:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._entries[row]
                self.endRemoveRows()

    def mark(self, marks: Marks) -> None:
        before, self._marks = self._marks, marks
        changed = {before.opened, before.compared} ^ {marks.opened, marks.compared}
        if before != marks:
            for row, entry in enumerate(self._entries):
                if entry.path in changed or entry.path in (marks.opened, marks.compared):
                    self._tell(row)

    def show_beside(self, beside: frozenset[Path]) -> None:
        """Say which effect maps and which results of analyses lie in the folder."""
        changed, self._beside = beside ^ self._beside, beside
        for row, entry in enumerate(self._entries):
            if any(is_named_for(path, entry.path) or is_result_of(path, entry.path) for path in changed):
                self._tell(row)

    def table(self, rows: Iterable[TraceEntry]) -> FigureTable:
        columns = ("trace", "status", "accuracy", "accuracy_low", "accuracy_high", "scored", "recorded", "planned")
        return FigureTable(
            (*columns, "model", "quiz", "intervention", "date", "problem"), [_exported(entry) for entry in rows]
        )

    def _insert(self, entry: TraceEntry) -> None:
        self.beginInsertRows(QModelIndex(), len(self._entries), len(self._entries))
        self._entries.append(entry)
        self.endInsertRows()

    def _tell(self, row: int) -> None:
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _words(self, entry: TraceEntry) -> list[str]:
        marks = {"open": self._marks.opened, "compared": self._marks.compared}
        return [word for word, path in marks.items() if path == entry.path]

    def _texts(self, entry: TraceEntry) -> tuple[str, ...]:
        mapped = ["effect map"] if self._maps_of(entry) else []
        results = self._results_of(entry)
        kept = [counted(len(results), "result")] if results else []
        status = " · ".join([*self._words(entry), _status_text(entry), *mapped, *kept])
        if entry.condition is Condition.DAMAGED:
            return (entry.path.name, "", status, *[""] * (len(COLUMNS) - 3))
        accuracy = entry.accuracy
        return (
            entry.path.name,
            accuracy.text,
            status,
            count(accuracy.n),
            entry.model,
            entry.quiz,
            entry.intervention or NOTHING,
            date_text(entry.created),
        )

    def _tip(self, entry: TraceEntry) -> str:
        if entry.condition is Condition.DAMAGED:
            return with_remedies(entry.problem, entry.remedies)
        titled = [f"{title}: {text}" for title, text in zip(COLUMNS, self._texts(entry), strict=True)]
        maps = [f"Effect map: {name}" for name in self._maps_of(entry)]
        results = [f"Result: {name}" for name in self._results_of(entry)]
        return "\n".join([str(entry.path), *titled[1:], *maps, *results])

    def _maps_of(self, entry: TraceEntry) -> list[str]:
        return sorted(path.name for path in self._beside if is_named_for(path, entry.path))

    def _results_of(self, entry: TraceEntry) -> list[str]:
        return sorted(path.name for path in self._beside if is_result_of(path, entry.path))

    def _sort_key(self, entry: TraceEntry, column: int) -> Any:
        match list(COLUMNS)[column]:
            case "Accuracy":
                return entry.accuracy.estimate if entry.accuracy.n else -1.0
            case "Questions":
                return entry.accuracy.n
            case "Date":
                return seconds(entry.created)
        return self._texts(entry)[column].casefold()

    def _font(self, entry: TraceEntry) -> QFont | None:
        font = theme.tabular(QGuiApplication.font())
        font.setBold(entry.path == self._marks.opened)
        return font

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(COLUMNS):
            match role:
                case Qt.ItemDataRole.DisplayRole:
                    return list(COLUMNS)[section]
                case Qt.ItemDataRole.ToolTipRole:
                    return list(COLUMNS.values())[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry, column = self._entries[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._texts(entry)[column]
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(entry)
            case Qt.ItemDataRole.ForegroundRole:
                return _grey() if entry.condition is Condition.DAMAGED else None
            case Qt.ItemDataRole.FontRole:
                return self._font(entry)
            case _ if role == SORT:
                return self._sort_key(entry, column)
            case _ if role == IS_SENTENCE:
                return column == _STATUS
        return entry if role == ENTRY else None


def date_text(created: str) -> str:
    """An ISO 8601 date as local day and time; the text itself where it is none."""
    try:
        return f"{datetime.fromisoformat(created).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return created


def seconds(created: str) -> float:
    """An ISO 8601 date as seconds since 1970; 0 where it is none."""
    try:
        return datetime.fromisoformat(created).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _status_text(entry: TraceEntry) -> str:
    match entry.condition:
        case Condition.COMPLETE:
            return "complete"
        case Condition.PARTIAL:
            damaged = f", {count(entry.n_damaged)} damaged" if entry.n_damaged else ""
            return f"partial: {count(entry.n_recorded)} of {count(entry.n_planned)}{damaged}"
        case Condition.DAMAGED:
            return f"damaged: {entry.reason}"


def _exported(entry: TraceEntry) -> list[str | float | int | None]:
    scored = entry.accuracy.n
    accuracy = [entry.accuracy.estimate, entry.accuracy.lower, entry.accuracy.upper] if scored else [None] * 3
    counts = [scored, entry.n_recorded, entry.n_planned]
    texts = [entry.model, entry.quiz, entry.intervention, entry.created, entry.problem]
    return [entry.path.name, entry.condition.value, *accuracy, *counts, *texts]


def _grey() -> QColor:
    return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)
