"""A table as a figure: what the window exports of a plot it exports of the table too."""

from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from app.widgets.figures.figure import Figure
from app.widgets.tables.view import ArrayTableView
from moe_core.figures.table import FigureTable
from moe_core.reports.charts.figure import AnyFigure


class TableFigure(Figure):
    """Needs no table twin: it is one. Its menu is that of the table."""

    def __init__(self, view: ArrayTableView, title: str, copied: tuple[str, str]) -> None:
        """`copied`: the words and the column of the action that copies one value of each selected row."""
        super().__init__(view, title)
        self.view = view
        self._copied = copied
        view.extend_menu = self._fill_menu_of_row

    @property
    def data(self) -> FigureTable:
        """What is shown: the rows in their order, without the hidden columns."""
        return self.view.shown_data()

    @property
    def described(self) -> AnyFigure:
        """The same: columns may have been hidden or moved since the last redraw."""
        return self.data

    @property
    def pointed_text(self) -> str:
        """The selected rows, as a spreadsheet takes them; all where none is."""
        return self.view.selected_data().as_text()

    @property
    def pointed_figure(self) -> AnyFigure:
        return self.view.selected_data()

    def fill_menu(self, menu: QMenu) -> None:
        """What can be done with the rows, then with the table."""
        text, column = self._copied
        selected = self.view.selectionModel().hasSelection()
        copy = menu.addAction("Copy selected rows\tCtrl+C", partial(self.want, "pointed"))
        name = menu.addAction(text, partial(self.view.copy_column, column))
        for action in (copy, name):
            action.setEnabled(selected)
        menu.addSeparator()
        menu.addAction("Copy table", self.copy_data)
        menu.addAction("Save table as CSV…", partial(self.want, "data"))
        menu.addAction("Copy image", partial(self.want, "image"))
        menu.addAction("Save figure…", partial(self.want, "figure"))
        menu.addSeparator()
        self.view.fill_menu(menu)

    def _fill_menu_of_row(self, menu: QMenu) -> None:
        """A click has made the row current."""
        self.fill_menu_at(menu, QPoint())

    def copy_data(self) -> None:
        """Put all rows shown into the clipboard, texts on one line each."""
        QGuiApplication.clipboard().setText(self.view.shown_data(one_line=True).as_text())

    def show_table(self, shown: bool) -> None:
        """Nothing changes: the table is what is shown."""
