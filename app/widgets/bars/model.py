"""A table of bars: what each cell shows, and how Qt's views and screen readers ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Any, Literal

from PySide6.QtCore import QAbstractTableModel, QObject, Qt

from app.widgets.safe_text import as_tooltip
from app.widgets.tables.model import NOWHERE, Index

_ROLE = Qt.ItemDataRole

Kind = Literal["name", "bar", "value", "box"]
"""A `name` takes what room its text needs, at most some; a `value` all it needs; bars share the rest.

A box is a bar whose whole cell is drawn, with the text in its middle.
"""


@dataclass(frozen=True)
class BarCell:
    """Text, over a bar where there is one. Places on the axis are shares of the width, 0 to 1; NaN draws nothing.

    `share` is where the bar that begins at `base` ends, or, with `is_dot`, a dot stands; `lower` and `upper` bound its
    interval, `reference` is what it is compared with.
    `sign` stands before a name and at the right of a bar, in `sign_colour`. `colour` is the bar's where it means
    something; `is_framed` draws it around the cell too. `is_struck`: the text is struck through. What
    `is_faded` has a paler bar and text than others.
    """

    text: str = ""
    share: float = nan
    base: float = 0.0
    lower: float = nan
    upper: float = nan
    reference: float = nan
    sign: str = ""
    sign_colour: str = ""
    colour: str = ""
    is_dot: bool = False
    is_framed: bool = False
    is_struck: bool = False
    is_faded: bool = False


@dataclass(frozen=True)
class BarColumn:
    """What stands in a column; `ticks` are written over it, from its left to its right end."""

    kind: Kind
    heading: str
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BarCells:
    """Rows of cells. `lines` are places on the axis with a line through all rows; `describe` says what a cell is.

    `row_names` are for who cannot see the table. `is_paired`: each two rows belong together, before above after.
    """

    columns: tuple[BarColumn, ...] = ()
    rows: tuple[tuple[BarCell, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    describe: Callable[[int, int], str] = lambda row, column: ""
    lines: tuple[float, ...] = ()
    is_paired: bool = False


class BarModel(QAbstractTableModel):
    """Holds the cells that are shown."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.cells = BarCells()

    def show(self, cells: BarCells) -> None:
        """Show other cells; where there are as many of them, cursor and selection stay."""
        n_rows, n_columns = len(cells.rows), len(cells.columns)
        is_other_size = (n_rows, n_columns) != (self.rowCount(), self.columnCount())
        if is_other_size:
            self.beginResetModel()
        self.cells = cells
        if is_other_size:
            self.endResetModel()
        elif n_rows:
            self.dataChanged.emit(self.index(0, 0), self.index(n_rows - 1, n_columns - 1))

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.cells.rows)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.cells.columns)

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        match role:
            case _ROLE.DisplayRole:
                return self.cells.rows[row][column].text
            case _ROLE.ToolTipRole:
                return as_tooltip(self.cells.describe(row, column))
            case _ROLE.AccessibleTextRole if self.cells.columns[column].kind in ("bar", "box"):
                return self.cells.describe(row, column)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if role != _ROLE.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return self.cells.columns[section].heading if section < len(self.cells.columns) else None
        return self.cells.row_names[section] if section < len(self.cells.row_names) else None
