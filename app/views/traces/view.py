"""The Traces view: the recordings of one folder, to open, to compare with, and to delete."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSortFilterProxyModel, Qt, Slot
from PySide6.QtGui import QAction, QHideEvent, QKeySequence
from PySide6.QtWidgets import QMenu, QStackedWidget, QWidget

from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from app.view import View
from app.views.traces.library_scanner import LibraryScanner, Listing
from app.views.traces.list_model import COLUMNS, DATE, ENTRY, SORT, Marks, TraceList
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import button, in_column, in_row, named, plain_text, tool_button
from app.widgets.tables.row_table import RowTable
from moe_core.traces.library import Condition, TraceEntry

OFFERED = ("listed_open", "listed_compare", "listed_pin", "listed_reveal", "listed_copy", "listed_delete")
"""What a right click on a trace offers."""
_LEAST_WIDTHS = (100, 0, 84, 0, 70, 60, 60, 0)


class TracesView(View):
    """Lists the library; everything done with a file is asked of the session."""

    name = "traces"
    depends_on = frozenset({"trace", "revision", "what_if", "library"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.scanner = LibraryScanner(self)
        self.scanner.found.connect(self._on_found)
        session.files_changed.connect(self.scanner.scan_again)
        self.model = TraceList(self)
        self._sorted = QSortFilterProxyModel(self, sortRole=SORT)
        self._sorted.setSourceModel(self.model)
        self.table = RowTable(self._sorted, _LEAST_WIDTHS)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(DATE, Qt.SortOrder.DescendingOrder)
        self.figure = Figure(self.table, "Traces")
        self._lay_out()
        self._connect()
        self._on_selected()

    def _lay_out(self) -> None:
        self.folder = named(ElidingLabel(), "Folder of the traces")
        self.choose = tool_button("Folder…", "", "Choose another folder of traces")
        self.refresh = tool_button(
            "Refresh", "", "Look into the folder again; what comes and goes is noticed by itself"
        )
        self.message = plain_text(is_faded=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.record = button("Record…", "Run a quiz on a model and record its routing")
        self._list = QStackedWidget()  # rather than a layout of no widget yet, which shows its first page on the screen
        self._list.addWidget(self.figure)
        self._list.addWidget(_centred(self.message, self.record))
        self.buttons = {
            "open": button("Open", "Show this trace (Enter or double click)"),
            "compare": button("Compare", "Compare what is shown with this trace ; once more: with none"),
            "reveal": button("Reveal", "Show the file in the system's file manager"),
            "delete": button("Delete…", "Delete the file, after a question (Del)"),
        }
        above = in_row(None, self.folder, self.choose, self.refresh, margins=(8, 4, 8, 4), spacing=4)
        # The whole window can be no narrower than its docks.
        below = FlowLayout(*self.buttons.values(), spacing=4, margins=(8, 4, 8, 4))
        in_column(self.body, above, (self._list, 1), below, spacing=0)
        self.begin_keys_at(self.table)

    def _connect(self) -> None:
        self.choose.clicked.connect(self._on_choose)
        self.refresh.clicked.connect(self.scanner.scan_again)
        self.record.clicked.connect(self._on_record)
        self.table.activated.connect(self._on_activated)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.model.dataChanged.connect(self._on_selected)
        self.table.customContextMenuRequested.connect(self._on_menu_requested)
        for name, each in self.buttons.items():
            each.clicked.connect(partial(self._do, name))
        delete = QAction(self.table, shortcut=QKeySequence("Del"), shortcutContext=Qt.ShortcutContext.WidgetShortcut)
        delete.triggered.connect(self.buttons["delete"].click)
        self.table.addAction(delete)

    @property
    def selected(self) -> TraceEntry | None:
        rows = self.table.selectionModel().selectedRows()
        return rows[0].data(ENTRY) if rows else None

    def draw(self, state: State) -> None:
        self.show_body()
        self.folder.set_text(short_path(state.library) if state.library else "")
        self.model.mark(Marks(_path(state.trace), _compared(state)))
        if state.library is not None:
            self.scanner.scan(state.library)

    def options(self) -> dict[str, Any]:
        header = self.table.horizontalHeader()
        is_descending = header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        return {"column": list(COLUMNS)[header.sortIndicatorSection()], "descending": is_descending}

    def set_options(self, options: dict[str, Any]) -> None:
        if options.get("column") in list(COLUMNS):
            order = Qt.SortOrder.DescendingOrder if options.get("descending") is True else Qt.SortOrder.AscendingOrder
            self.table.sortByColumn(list(COLUMNS).index(options["column"]), order)

    def release(self) -> None:
        self.scanner.close()

    @Slot(object)
    def _on_found(self, listing: Listing) -> None:
        self.model.add(listing.entries)
        if listing.paths is not None:
            self.model.keep(listing.paths)
            self.model.show_beside(listing.beside)
            self._say(listing.problem or ("" if listing.paths else "No trace here yet: record a quiz to make one."))
        elif listing.entries:
            self._say("")
        if self.table.hasFocus() and not self.table.currentIndex().isValid():  # it came to the list before its rows
            first, keeps = self._sorted.index(0, 0), QItemSelectionModel.SelectionFlag.NoUpdate
            self.table.selectionModel().setCurrentIndex(first, keeps)
        self.figure.set_data(self.model.table(self._in_order()), f"Library {self.folder.whole_text}")

    def _say(self, sentence: str) -> None:
        """Show a sentence in the list's place; none shows the list."""
        self.message.setText(sentence)
        self._list.setCurrentIndex(1 if sentence else 0)
        self._on_selected()

    def _in_order(self) -> list[TraceEntry]:
        rows = range(self._sorted.rowCount())
        return [self._sorted.index(row, 0).data(ENTRY) for row in rows]

    @Slot()
    def _on_selected(self) -> None:
        entry = None if self.message.text() else self.selected
        is_trace = entry is not None and entry.condition is not Condition.DAMAGED
        for name, each in self.buttons.items():
            is_possible = entry is not None if name in ("reveal", "delete") else is_trace
            each.setEnabled(is_possible)
        is_compared = entry is not None and entry.path == _compared(self.state)
        self.buttons["compare"].setText("Stop comparing" if is_compared else "Compare")
        listed = None if entry is None else entry.path.absolute()
        if listed != self.state.listed:
            self.session.set(replace(self.state, listed=listed))

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        self.session.request_for(index.data(ENTRY).path, "open")

    def _do(self, name: str) -> None:
        if (entry := self.selected) is not None:
            self.session.request_for(entry.path, name)

    @Slot(QPoint)
    def _on_menu_requested(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        if self.selected is not None:
            menu.addActions(self.actions_named(*OFFERED))
        menu.addSeparator()
        export = self.figure.menu()
        export.setTitle("Copy or save the list")
        export.setParent(menu, export.windowFlags())
        menu.addMenu(export)
        menu.popup(self.table.viewport().mapToGlobal(place))

    @Slot()
    def _on_choose(self) -> None:
        self.session.request("choose_library")

    @Slot()
    def _on_record(self) -> None:
        self.session.request("record")

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.scanner.pause()
        self._is_stale = True  # what came and went meanwhile is seen when it is shown again


def _centred(sentence: QWidget, button: QWidget) -> QWidget:
    page = QWidget()
    layout = in_column(page, 0, sentence, margins=(24, 24, 24, 24))
    layout.addSpacing(8)
    layout.addWidget(button, alignment=Qt.AlignmentFlag.AlignCenter)
    layout.addStretch()
    return page


def _compared(state: State) -> Path | None:
    """The trace that the one shown is compared with, be it chosen or made by a run."""
    return None if state.what_if is None else _path(state.what_if.after)


def _path(data: TraceData | None) -> Path | None:
    return None if data is None else data.path.absolute()


def short_path(path: Path) -> str:
    """The path with a tilde in the place of the home folder, where it is in there."""
    home = os.path.expanduser("~")  # as it is where nobody knows the home
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)
