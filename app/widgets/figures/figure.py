"""A plot with everything that comes with it: caption, copy, PNG, SVG, PDF, CSV, and a table twin for screen readers."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QStackedLayout, QTableWidget, QTableWidgetItem, QWidget

from app.widgets.parts import RIGHT, pop_up
from app.widgets.safe_text import as_tooltip
from moe_core.figures.beside import BesideFigure
from moe_core.figures.curves import CurveFigure
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import significant
from moe_core.reports.charts.figure import AnyFigure

_TWIN_DIGITS = 6


class Figure(QWidget):
    """Holds one plot, its canvas. Whoever draws it says with `set_data` what it shows; a canvas that has a
    `pointed_text` says there what mouse or cursor are on.

    `wanted` carries the figure and "figure" or "data": the person asks for a file of it; or "image" or "pointed":
    for the clipboard.
    """

    wanted = Signal(object, str)

    def __init__(self, canvas: QWidget, title: str) -> None:
        super().__init__()
        self.canvas = canvas
        self.title = title
        self.caption = ""
        self.offers: Callable[[QPoint], list[QAction]] = lambda place: []
        """What a right click at a place offers before all that is about the whole figure."""
        self._data = FigureTable((), ())
        self._figure: AnyFigure = self._data
        self._twin = QTableWidget()
        self._twin.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self._twin.setAccessibleName(f"{title}, as a table")
        self._twin.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # at first as it comes
        self._twin.setMinimumSize(1, 1)  # else the plot would have to be as large as a table is at least
        self._pages = QStackedLayout(self)
        self._pages.addWidget(canvas)
        self._pages.addWidget(self._twin)
        self.setAccessibleName(title)
        canvas.setAccessibleName(title)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu_requested)

    @property
    def data(self) -> FigureTable:
        """What is shown, as a table."""
        return self._data

    def set_data(self, data: FigureTable, caption: str, figure: AnyFigure | None = None) -> None:
        """Say what is shown now, as a table and as a figure; to be called with every redraw.

        Without a figure the table is what is drawn into files.
        """
        self._data, self.caption = data, caption
        self.set_figure(data if figure is None else figure)
        if self.shows_table:
            self._fill_twin()

    def set_figure(self, figure: AnyFigure) -> None:
        """Say that the same data are drawn otherwise, such as in other colours."""
        self._figure = figure

    @property
    def described(self) -> AnyFigure:
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
        return self._pages.currentWidget() is self._twin

    def show_table(self, shown: bool) -> None:
        """Show the table twin, or the plot."""
        if shown:
            self._fill_twin()
        self._pages.setCurrentWidget(self._twin if shown else self.canvas)

    def menu(self) -> QMenu:
        """Everything one can do with the figure."""
        menu = QMenu(self)
        self.fill_menu(menu)
        return menu

    def fill_menu_at(self, menu: QMenu, place: QPoint) -> None:
        """What can be done with what is at a place, then with the figure."""
        if offered := self.offers(place):
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
        table = menu.addAction("Show as table")
        table.setCheckable(True)
        table.setChecked(self.shows_table)
        table.toggled.connect(self.show_table)
        menu.addSeparator()
        menu.addActions(self.actions())

    def want(self, what: str) -> None:
        """Ask for what `wanted` names."""
        self.wanted.emit(self, what)

    @property
    def pointed_text(self) -> str:
        """What the plot points at, in words; all that it shows where that is nothing."""
        return getattr(self.canvas, "pointed_text", "") or self.data.as_text()

    def copy_data(self) -> None:
        """Put what is shown into the clipboard as a table."""
        QGuiApplication.clipboard().setText(self.data.as_text())

    def _fill_twin(self) -> None:
        self._twin.setSortingEnabled(False)  # else rows move while they are filled
        self._twin.setColumnCount(len(self._data.columns))
        self._twin.setRowCount(len(self._data.rows))
        self._twin.setHorizontalHeaderLabels(list(self._data.columns))
        for row, values in enumerate(self._data.rows):
            for column, value in enumerate(values):
                self._twin.setItem(row, column, _TwinCell(value))
        self._twin.setSortingEnabled(True)

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


class _TwinCell(QTableWidgetItem):
    """A value of the twin: read with few digits, whole in its tip, sorted as a number; what is none comes last."""

    def __init__(self, value: object) -> None:
        text = significant(value, _TWIN_DIGITS) if isinstance(value, float) else "" if value is None else str(value)
        super().__init__(text)
        self.setToolTip(as_tooltip("" if value is None else str(value)))
        is_number = isinstance(value, int | float)
        if is_number:
            self.setTextAlignment(RIGHT)
        self.key = (0, value, "") if is_number else (2 if value is None else 1, 0, text.casefold())

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return self.key < other.key if isinstance(other, _TwinCell) else super().__lt__(other)
