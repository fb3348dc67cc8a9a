"""Shows an ArrayTable: rows of one height, sorted by a click on a heading, one of them current, any number selected."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QActionGroup, QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTableView

from app.widgets.parts import pop_up
from app.widgets.tables.column_layout import ColumnLayout, prepare_header
from app.widgets.tables.delegate import ArrayTableDelegate
from app.widgets.tables.model import ArrayTableModel, Index
from moe_core.figures.array_table import ArrayTable, ColumnStyle, ExportedRows, IndexArray
from moe_core.figures.table import FigureTable

_LEADING = 8
_SELECT_ROW = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows


class ArrayTableView(QTableView):
    """`row_chosen` carries the row of the table that a person made current; `sort_changed` says to sort anew.

    Whoever shows rows sorts them: `sort_column` and `is_descending`, from the greatest value on, say how.
    """

    row_chosen = Signal(int)
    sort_changed = Signal()

    def __init__(self, styles: tuple[ColumnStyle, ...], *, elastic: str, leading: tuple[str, ...]) -> None:
        super().__init__()
        self.rows = ArrayTableModel(styles, self)
        self.extend_menu: Callable[[QMenu], None] | None = None
        self._is_showing = False
        self.sort_column, self.is_descending = 0, False
        self.setModel(self.rows)
        self._delegate = ArrayTableDelegate(self, self.rows)
        self.setItemDelegate(self._delegate)
        self._set_up_rows()
        prepare_header(self.horizontalHeader())
        self.rows.mark_sorted(0, False)
        self.horizontalHeader().sectionClicked.connect(self._on_heading_clicked)
        self.horizontalHeader().customContextMenuRequested.connect(self._on_header_menu_requested)
        self.layout_of_columns = ColumnLayout(self, styles, elastic, leading)
        self.selectionModel().currentRowChanged.connect(self._on_current_row_changed)

    @property
    def current_row(self) -> int | None:
        place = self.currentIndex().row()
        return int(self.rows.order[place]) if place >= 0 else None

    def show_rows(self, table: ArrayTable, order: IndexArray) -> None:
        """Show these rows of the table, in this order. Afterwards no row may be current: `show_current`."""
        self._is_showing = True
        bars = self.horizontalScrollBar(), self.verticalScrollBar()
        places = [bar.value() for bar in bars]
        self.rows.show(table, order)
        self.executeDelayedItemsLayout()  # else it comes after the first painting, and asks for another
        for bar, place in zip(bars, places, strict=True):
            bar.setValue(place)
        self._is_showing = False

    def show_current(self, row: int | None, *, scrolls: bool = True) -> None:
        """Make a row current, and scroll to it; the focus stays where it is. No row where it is not shown."""
        place = self.rows.place_of(row)
        if place == (self.currentIndex().row() if self.currentIndex().isValid() else None):
            return
        self._is_showing = True
        sideways, height = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
        if place is None:
            self.selectionModel().clear()
        else:
            column = max(self.currentIndex().column(), 0)
            self.selectionModel().setCurrentIndex(self.rows.index(place, column), _SELECT_ROW)
            self.scrollTo(self.currentIndex())
        self.horizontalScrollBar().setValue(sideways)  # going to a row never moves the columns
        if not scrolls:
            self.verticalScrollBar().setValue(height)
        self._is_showing = False

    def sort_by(self, column: int, *, descending: bool) -> None:
        """Ask for another order."""
        if (self.sort_column, self.is_descending) != (column, descending):
            self.sort_column, self.is_descending = column, descending
            self.rows.mark_sorted(column, descending)
            self.sort_changed.emit()

    def set_without_values(self, names: frozenset[str]) -> None:
        """Leave out columns that have nothing to show now; rows are never sorted by one of them."""
        places = {place for place, style in enumerate(self.rows.styles) if style.name in names}
        self.layout_of_columns.set_without_values(places)
        if self.sort_column in places:
            self.sort_column, self.is_descending = 0, False
            self.rows.mark_sorted(0, False)

    def shown_data(self, *, one_line: bool = False) -> FigureTable:
        """Exactly what is shown: the rows in their order, the columns that are not hidden."""
        return self._exported(self.rows.order, one_line=one_line)

    def selected_data(self) -> FigureTable:
        """The selected rows as a spreadsheet takes them; all that are shown where none is."""
        rows = self._selected_rows()
        return self._exported(rows if len(rows) else self.rows.order, one_line=True)

    def copy_column(self, name: str) -> None:
        """Put one value of each selected row into the clipboard, a line each."""
        column = [style.name for style in self.rows.styles].index(name)
        values = ExportedRows(self.rows.table, self._selected_rows(), [column], one_line=True)
        QGuiApplication.clipboard().setText("\n".join(str(value) for (value,) in values))

    def fill_menu(self, menu: QMenu) -> None:
        """Everything the header does, for the keyboard too."""
        sorting = menu.addMenu("Sort by")
        group = QActionGroup(sorting)
        for column, style in enumerate(self.rows.styles):
            if column in self.layout_of_columns.without_values:
                continue
            action = sorting.addAction(style.heading, partial(self.sort_by, column, descending=self.is_descending))
            action.setCheckable(True)
            action.setChecked(column == self.sort_column)
            group.addAction(action)
        sorting.addSeparator()
        reverse = sorting.addAction("Descending", self._reverse)
        reverse.setCheckable(True)
        reverse.setChecked(self.is_descending)
        self.layout_of_columns.menu(menu)

    def _set_up_rows(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.verticalHeader().hide()
        self._set_row_height()

    def _set_row_height(self) -> None:
        header = self.verticalHeader()
        header.setSectionResizeMode(header.ResizeMode.Fixed)
        header.setMinimumSectionSize(1)
        header.setDefaultSectionSize(self.fontMetrics().height() + _LEADING)

    def _selected_rows(self) -> IndexArray:
        places = sorted({place.row() for place in self.selectionModel().selectedRows()})
        return self.rows.order[np.array(places, np.intp)]

    def _exported(self, order: IndexArray, *, one_line: bool = False) -> FigureTable:
        shown = self.layout_of_columns.shown
        columns = list(dict.fromkeys(each for column in shown for each in (column, *self._ends_of(column))))
        headings = tuple(self.rows.styles[column].heading for column in columns)
        return FigureTable(headings, ExportedRows(self.rows.table, order, columns, one_line=one_line))

    def _ends_of(self, column: int) -> list[int]:
        names = [style.name for style in self.rows.styles]
        ends = [names.index(end) for end in self.rows.styles[column].ends]
        return [end for end in ends if np.isfinite(np.array(self.rows.table.columns[end], np.float64)).any()]

    def _reverse(self) -> None:
        self.sort_by(self.sort_column, descending=not self.is_descending)

    def _on_heading_clicked(self, column: int) -> None:
        self.sort_by(column, descending=column == self.sort_column and not self.is_descending)

    def _on_header_menu_requested(self, place: QPoint) -> None:
        menu = QMenu(self)
        self.fill_menu(menu)
        pop_up(menu, self.horizontalHeader(), place)

    def _on_current_row_changed(self, current: Index, before: Index) -> None:
        if not self._is_showing and current.isValid():
            self.row_chosen.emit(int(self.rows.order[current.row()]))

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Home and End go to the first and the last row: whole rows are what is chosen."""
        column, last = max(self.currentIndex().column(), 0), self.rows.rowCount() - 1
        if action == QAbstractItemView.CursorAction.MoveHome and last >= 0:
            return self.rows.index(0, column)
        if action == QAbstractItemView.CursorAction.MoveEnd and last >= 0:
            return self.rows.index(last, column)
        return super().moveCursor(action, modifiers)

    def keyboardSearch(self, search: str) -> None:
        """Nothing: letters are shortcuts of the window."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copying is the figure's around the table, which takes an image along."""
        if event.matches(QKeySequence.StandardKey.Copy):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.extend_menu is None:
            return
        menu = QMenu(self)
        self.extend_menu(menu)
        at_row = self.visualRect(self.currentIndex()).bottomLeft()
        pop_up(menu, self.viewport(), at_row if event.reason() == QContextMenuEvent.Reason.Keyboard else event.pos())

    def paintEvent(self, event: QPaintEvent) -> None:
        self._delegate.begin_page(self.layout_of_columns.shown[0])
        super().paintEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._set_row_height()

    def options(self) -> dict[str, Any]:
        column = self.rows.styles[self.sort_column].name
        return {"sort": column, "descending": self.is_descending, **self.layout_of_columns.options()}

    def set_options(self, options: dict[str, Any]) -> None:
        names = [style.name for style in self.rows.styles]
        self.layout_of_columns.set_options(options)
        if (name := options.get("sort")) in names:
            self.sort_by(names.index(name), descending=options.get("descending") is True)
