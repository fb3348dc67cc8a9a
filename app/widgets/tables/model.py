"""An ArrayTable in some order of its rows, as Qt's views and screen readers ask for it."""

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.widgets.parts import LEFT, RIGHT
from app.widgets.safe_text import as_tooltip
from moe_core.figures.array_table import ArrayTable, ColumnStyle, IndexArray, one_line

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()
_LONGEST_SHOWN = 240
_ROLE = Qt.ItemDataRole


class ArrayTableModel(QAbstractTableModel):
    """`order` [n] are the rows of the table shown, the first one first."""

    def __init__(self, styles: tuple[ColumnStyle, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.styles = styles
        self.table = ArrayTable(styles, tuple(() for _ in styles), np.zeros(0, bool))
        self.order: IndexArray = np.zeros(0, np.intp)
        self._places: dict[int, int] = {}
        self._sort = (-1, False)

    def show(self, table: ArrayTable, order: IndexArray) -> bool:
        """Show the table in that order; whether rows came, went or moved. Where none did, selections stay."""
        is_same = len(order) == len(self.order) and bool((order == self.order).all())
        if is_same:
            if table is not self.table and len(order):
                self.table = table
                self.dataChanged.emit(self.index(0, 0), self.index(len(order) - 1, len(self.styles) - 1))
            self.table = table
            return False
        self.beginResetModel()
        self.table, self.order = table, order
        self._places = {}
        self.endResetModel()
        return True

    def mark_sorted(self, column: int, descending: bool) -> None:
        """Say in the headings which column the rows are sorted by; the style sheet leaves no room for Qt's arrow."""
        self._sort = column, descending
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.styles) - 1)

    def place_of(self, row: int | None) -> int | None:
        """Where a row of the table is shown; None where it is not."""
        if not self._places:
            self._places = {shown: place for place, shown in enumerate(self.order.tolist())}
        return None if row is None else self._places.get(row)

    def value(self, place: int, column: int) -> Any:
        return self.table.columns[column][self.order[place]]

    def is_faded(self, place: int) -> bool:
        """Whether the row holds nothing yet."""
        return bool(self.table.is_faded[self.order[place]])

    def shown_text(self, place: int, column: int) -> str:
        """What stands in a cell: one line, and of a very long text both ends."""
        style = self.styles[column]
        text = style.shown(self.value(place, column))
        if style.is_number:
            return text
        if len(text) > _LONGEST_SHOWN:
            text = f"{text[: _LONGEST_SHOWN // 2]}…{text[-_LONGEST_SHOWN // 2 :]}"
        return one_line(text)

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.order)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.styles)

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        place, column = index.row(), index.column()
        match role:
            case _ROLE.DisplayRole:
                return self.shown_text(place, column)
            case _ROLE.ToolTipRole:
                return as_tooltip(self.styles[column].meaning(self.value(place, column)))
            case _ROLE.AccessibleTextRole:
                return self.styles[column].meaning(self.value(place, column))
            case _ROLE.TextAlignmentRole:
                return RIGHT if self.styles[column].is_number else LEFT
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.styles):
            return None
        style = self.styles[section]
        match role:
            case _ROLE.DisplayRole:
                return f"{style.title} {'↓' if self._sort[1] else '↑'}" if section == self._sort[0] else style.title
            case _ROLE.ToolTipRole:
                return as_tooltip(f"{style.heading}\n{style.tip}\nClick to sort, again to reverse.")
            case _ROLE.AccessibleTextRole:
                return style.heading
            case _ROLE.TextAlignmentRole:
                return RIGHT if style.is_number else LEFT
        return None
