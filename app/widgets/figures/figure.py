"""A plot with everything that comes with it: caption, copy, PNG, SVG, PDF, CSV, and a table twin for screen readers."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QMenu, QStackedLayout, QTableView, QWidget

from app.widgets.figures.twin import TableTwin
from app.widgets.parts import pop_up
from moe_core.figures.beside import BesideFigure
from moe_core.figures.curves import CurveFigure
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.table import FigureTable

if TYPE_CHECKING:
    from moe_core.reports.charts.figure import AnyFigure


class Figure(QWidget):
    """Holds one plot, its canvas. Whoever draws it says with `set_data` what it shows; a canvas that has a
    `pointed_text` says there what mouse or cursor are on.

    `wanted` carries the figure and "figure" or "data": the person asks for a file of it; or "image" or "pointed":
    for the clipboard. `row_chosen` is the row of the table that a person made current, counted in `rows`;
    `table_shown` says that the table came or went.
    """

    wanted = Signal(object, str)
    row_chosen = Signal(int)
    table_shown = Signal()

    def __init__(self, canvas: QWidget, title: str) -> None:
        super().__init__()
        self.canvas = canvas
        self.title = title
        self.caption = ""
        self.offers: Callable[[QPoint], list[QAction]] = lambda place: []
        """What a right click at a place offers before all that is about the whole figure."""
        self.offers_of_row: Callable[[], list[QAction]] = list
        """The same where the table is shown, for its current row."""
        self._data = FigureTable((), ())
        self._figure: AnyFigure = self._data
        self.twin: TableTwin | None = None
        """The table, once it was asked for."""
        self._pages = QStackedLayout(self)
        self._pages.addWidget(canvas)
        self.setAccessibleName(title)
        canvas.setAccessibleName(title)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu_requested)
        canvas.installEventFilter(self)

    @property
    def data(self) -> FigureTable:
        """What is shown, as a table; where that is what one sees, the rows that are listed, in their order."""
        return self.twin.shown_data() if self.twin is not None and self.shows_table else self._data

    @property
    def rows(self) -> FigureTable:
        """All of its rows, which `row_chosen` counts."""
        return self._data

    def set_data(self, data: FigureTable, caption: str, figure: "AnyFigure | None" = None) -> None:
        """Say what is shown now, as a table and as a figure; to be called with every redraw.

        Without a figure the table is what is drawn into files.
        """
        self._data, self.caption = data, caption
        self.set_figure(data if figure is None else figure)
        if self.twin is not None and self.shows_table:
            self.twin.set_data(data)

    def set_figure(self, figure: "AnyFigure") -> None:
        """Say that the same data are drawn otherwise, such as in other colours."""
        self._figure = figure

    @property
    def described(self) -> "AnyFigure":
        """What is shown, as it is drawn into files."""
        return self._figure

    @property
    def has_selection(self) -> bool:
        """Whether something in it is selected, which files show only where that is asked for."""
        match self.described:
            case HeatMapFigure(selected=cells) | BesideFigure(selected=cells):
                return bool(cells)
            case CurveFigure(selected=x):
                return x is not None
            case _:
                return False

    @property
    def shows_table(self) -> bool:
        """Whether the table twin is shown in the plot's place."""
        return self.twin is not None and self._pages.currentWidget() is self.twin

    @property
    def page(self) -> QWidget:
        """The plot, or the table in its place."""
        return self._pages.currentWidget() or self.canvas

    def show_table(self, shown: bool) -> None:
        if shown and self.twin is None:
            self.twin = TableTwin(self.title)
            self.twin.setMinimumSize(1, 1)  # else the plot would have to be as large as a table is at least
            self.twin.extend_menu = lambda menu: self.fill_menu_at(menu, QPoint())
            self.twin.row_chosen.connect(self.row_chosen)
            self._pages.addWidget(self.twin)
        if self.twin is not None:
            self.twin.set_data(self._data)
            self._pages.setCurrentWidget(self.twin if shown else self.canvas)
        self.table_shown.emit()

    def menu(self) -> QMenu:
        menu = QMenu(self)
        self.fill_menu(menu)
        return menu

    def fill_menu_at(self, menu: QMenu, place: QPoint) -> None:
        """What can be done with what is at a place, then with the figure."""
        shows_row = self.twin is not None and self.shows_table and self.twin.current_row is not None
        if offered := self.offers_of_row() if shows_row else [] if self.shows_table else self.offers(place):
            menu.addActions(offered)
            menu.addSeparator()
        self.fill_menu(menu)

    def fill_menu(self, menu: QMenu) -> None:
        """The same in a menu that is there; the figure's own actions are what can be done with the plot in it."""
        menu.addAction("Copy what is pointed at\tCtrl+C", partial(self.want, "pointed"))
        menu.addAction("Copy image", partial(self.want, "image"))
        menu.addAction("Copy data", self.copy_data)
        menu.addSeparator()
        menu.addAction("Save figure…", partial(self.want, "figure"))
        menu.addAction("Save data as CSV…", partial(self.want, "data"))
        menu.addSeparator()
        table = menu.addAction("Show as table\tCtrl+T")
        table.setCheckable(True)
        table.setChecked(self.shows_table)
        table.toggled.connect(self.show_table)
        menu.addSeparator()
        if self.twin is not None and self.twin.list is not None and self.shows_table:
            self.twin.list.fill_menu(menu)
        else:
            menu.addActions(self.actions())

    def want(self, what: str) -> None:
        """Ask for what `wanted` names."""
        self.wanted.emit(self, what)

    @property
    def pointed_text(self) -> str:
        """What the plot points at, in words, or the rows that are selected; all that it shows where that is nothing."""
        if self.twin is not None and self.shows_table:
            return self.twin.selected_data().as_text()
        return getattr(self.canvas, "pointed_text", "") or _selected_text(self.canvas) or self.data.as_text()

    @property
    def pointed_figure(self) -> "AnyFigure":
        """What goes into the clipboard as an image: the figure, or the rows that are selected."""
        return self.twin.selected_data() if self.twin is not None and self.shows_table else self.described

    def copy_data(self) -> None:
        """Put what is shown into the clipboard as a table."""
        QGuiApplication.clipboard().setText(self.data.as_text())

    def _on_menu_requested(self, place: QPoint) -> None:
        menu = QMenu(self)
        self.fill_menu_at(menu, place)
        pop_up(menu, self, place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the plot makes nothing of comes here."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.want("pointed")
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A list of Qt's own would copy one cell, and no image."""
        is_list = isinstance(watched, QAbstractItemView) and event.type() == QEvent.Type.KeyPress
        if is_list and isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            self.want("pointed")
            return True
        return super().eventFilter(watched, event)


def _selected_text(canvas: QWidget) -> str:
    """The selected rows of a list below their headings, as a spreadsheet takes them; empty where none is."""
    if not isinstance(canvas, QTableView) or not (selected := canvas.selectionModel().selectedIndexes()):
        return ""
    model, header = canvas.model(), canvas.horizontalHeader()
    columns = [column for column in range(model.columnCount()) if not header.isSectionHidden(column)]
    lines = [[str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]]
    for row in sorted({index.row() for index in selected}):
        lines.append([" ".join(str(model.index(row, column).data() or "").split()) for column in columns])
    return "\n".join("\t".join(line) for line in lines)
