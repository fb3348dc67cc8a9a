"""A figure as a table: every value as it is read, sorted by a click, filtered by words, a row of it current."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from app.widgets.filter.search_field import SearchField
from app.widgets.parts import in_column, in_row, named
from app.widgets.tables.view import ArrayTableView
from moe_core.figures.array_table import ArrayTable, Cell, ColumnStyle, IndexArray
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import NOTHING, count, significant

_DIGITS = 4
_LEAST_WIDTH, _MOST_WIDTH, _MEASURED_ROWS = 5, 28, 200
_TIP = "Words that a row must have, in whatever column; Down goes to the rows"


class TableTwin(QWidget):
    """`row_chosen` carries the row of the figure's table that a person made current."""

    row_chosen = Signal(int)

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self.extend_menu: Callable[[QMenu], None] | None = None
        """What a right click on a row offers."""
        self._words: list[str] | None = None
        self._table = table_of(FigureTable((), ()))
        self.list: ArrayTableView | None = None
        self.search = SearchField("Filter the rows …", f"Which rows of {title} are listed")
        self.search.setToolTip(_TIP)
        self._n = named(QLabel(), "Rows listed")
        above = in_row(None, (self.search, 1), self._n, margins=(6, 2, 6, 2), spacing=6)
        self._column = in_column(self, above, spacing=0)
        self.search.searched.connect(self._show)
        self.search.left_downwards.connect(self._enter_list)

    def set_data(self, data: FigureTable) -> None:
        """Show other rows; the order and the filter stay where the columns do."""
        if self.list is None or data.columns != tuple(style.heading for style in self._table.styles):
            self._table = table_of(data)
            self._make_list()
        else:
            self._table = table_of(data)
        self._words = None
        self._show()

    def show_current(self, row: int | None) -> None:
        """Make a row current, and scroll to it; none where it is not listed."""
        if self.list is not None:
            self.list.show_current(row)

    @property
    def current_row(self) -> int | None:
        return None if self.list is None else self.list.current_row

    def shown_data(self) -> FigureTable:
        """The rows that are listed, in their order."""
        return FigureTable((), ()) if self.list is None else self.list.shown_data()

    def selected_data(self) -> FigureTable:
        """The rows that are selected; all that are listed where none is."""
        return FigureTable((), ()) if self.list is None else self.list.selected_data()

    def _show(self) -> None:
        assert self.list is not None
        order, column = self._listed(), self.list.sort_column
        if column >= 0:  # at first as the figure has them
            order = self._table.sorted_rows(order, column, descending=self.list.is_descending)
        current = self.list.current_row
        self.list.show_rows(self._table, order)
        self.list.show_current(current, scrolls=False)
        every = len(self._table.is_faded)
        self._n.setText(f"{count(len(order))} of {count(every)} rows")

    def _listed(self) -> IndexArray:
        wanted = self.search.text().casefold().split()
        if not wanted:
            return np.arange(len(self._table.is_faded))
        if self._words is None:
            self._words = [" ".join(texts).casefold() for texts in _texts(self._table)]
        return np.array([row for row, text in enumerate(self._words) if all(map(text.__contains__, wanted))], np.intp)

    def _make_list(self) -> None:
        if self.list is not None:
            self._column.removeWidget(self.list)
            self.list.hide()
            self.list.deleteLater()
        styles = self._table.styles or _NO_STYLES
        names = tuple(style.name for style in styles)
        elastic = next((style.name for style in styles if not style.is_number), names[-1])
        self.list = named(ArrayTableView(styles, elastic=elastic, leading=names), f"{self._title}, as a table")
        self.list.sort_by(-1, descending=False)
        self.list.extend_menu = self.extend_menu
        self.list.row_chosen.connect(self.row_chosen)
        self.list.sort_changed.connect(self._show)
        self._column.addWidget(self.list, 1)
        self.setFocusProxy(self.list)

    def _enter_list(self) -> None:
        if self.list is not None:
            self.list.setFocus()


def table_of(data: FigureTable) -> ArrayTable:
    """A column of each of the figure's, numbers where all that is in it are numbers."""
    rows = list(data.rows)
    columns = [[row[at] for row in rows] for at in range(len(data.columns))]
    kinds = [_is_numeric(column) for column in columns]
    styles = tuple(
        _style(at, name, column, is_number=is_number)
        for at, (name, column, is_number) in enumerate(zip(data.columns, columns, kinds, strict=True))
    )
    shown = tuple(column if is_number else _as_texts(column) for column, is_number in zip(columns, kinds, strict=True))
    return ArrayTable(styles, shown, np.zeros(len(rows), bool))


def _style(at: int, name: str, column: Sequence[Cell], *, is_number: bool) -> ColumnStyle:
    texts = [_text(value) for value in column[:_MEASURED_ROWS]]
    width = min(max([_LEAST_WIDTH, len(name), *map(len, texts)]), _MOST_WIDTH)
    shown = partial(ColumnStyle, f"{at} {name}", _title(name), name, name, width, is_number=is_number)
    return shown(shown=_text, meaning=_whole, exported=lambda value: value)


def _title(name: str) -> str:
    """A long name by both its ends: what tells columns apart often stands last."""
    return name if len(name) <= _MOST_WIDTH else f"{name[: _MOST_WIDTH // 3]}…{name[-_MOST_WIDTH // 2 :]}"


def _is_numeric(column: Sequence[Cell]) -> bool:
    known = [value for value in column if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _as_texts(column: Sequence[Cell]) -> list[str]:
    return ["" if value is None else str(value) for value in column]


def _text(value: Cell) -> str:
    """As it is read; whole numbers as they are."""
    match value:
        case None:
            return ""
        case float():
            return significant(value, _DIGITS)
        case int():
            return count(value)
    return value


def _whole(value: Cell) -> str:
    return NOTHING if value is None else str(value)


def _texts(table: ArrayTable) -> list[list[str]]:
    """What stands in every row."""
    columns = [
        [style.shown(value) for value in column] for style, column in zip(table.styles, table.columns, strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


_NO_STYLES = (ColumnStyle("nothing", "", "", "", 5),)
