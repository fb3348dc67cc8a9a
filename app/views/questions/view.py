"""The list of questions: sorted, filtered by what is above it, and the filter is the selection of every other view."""

from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QStackedWidget

from app.content.captions import caption
from app.content.grids.comparison_values import answer_changes
from app.content.row_links import OFFERED
from app.state.session import Session
from app.state.state import DATA, State
from app.state.trace_data import TraceData
from app.view import View
from app.views.questions.columns import ELASTIC, LEADING, MARKS, OF_WHAT_IF, STYLES, array_table
from app.views.questions.filter_editor import FilterEditor
from app.widgets.figures.table_figure import TableFigure
from app.widgets.filter.bar import FilterBar
from app.widgets.messages.empty_page import EmptyPage
from app.widgets.parts import in_column, pop_up
from app.widgets.tables.view import ArrayTableView
from moe_core.figures.array_table import ArrayTable, IndexArray


class QuestionsView(View):
    """The current row is the question shown elsewhere; what the list holds is what the aggregates count."""

    name = "questions"
    depends_on = DATA | {"filter", "scope", "question", "what_if", "notes"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.bar = FilterBar(MARKS)
        self.list = ArrayTableView(STYLES, elastic=ELASTIC, leading=LEADING)
        self.figure = TableFigure(self.list, "Questions", ("Copy id", "id"))
        editor = self._editor = FilterEditor(self.bar, session, self)
        self.no_match = EmptyPage(lambda action: editor.clear())
        self.no_match.say("No question passes the filter.", "Clear filter", "clear_filter")
        self.figure.offers = lambda place: self.actions_named(*OFFERED["question"])
        self._arrays: tuple[tuple[object, ...], ArrayTable] | None = None
        self._ordered: tuple[tuple[object, ...], IndexArray] | None = None
        self._scrolled_for: tuple[object, ...] = ()
        self._below = QStackedWidget()
        self._below.addWidget(self.figure)
        self._below.addWidget(self.no_match)
        in_column(self.body, self.bar, (self._below, 1), spacing=0)
        self.begin_keys_at(self.bar.search)
        self.list.row_chosen.connect(self._on_row_chosen)
        self.list.sort_changed.connect(self.redraw)
        self.bar.search.left_downwards.connect(self._on_left_downwards)
        self.bar.more.clicked.connect(self._on_menu_wanted)

    def rows_in_order(self) -> list[int]:
        """Rows of the trace as the list shows them, filtered and sorted, for whoever goes along them."""
        state = self.state
        rows: list[int] = [] if state.trace is None else self._order(state, state.trace).tolist()
        return rows

    def draw(self, state: State) -> None:
        if state.trace is None:
            self._arrays = None
            self.show_empty("Open a trace to list its questions.", "Open trace…", "open")
            return
        self.show_body()
        of_notes = frozenset() if state.notes.questions else frozenset({"note"})
        self.list.set_without_values(of_notes | (OF_WHAT_IF if state.what_if is None else frozenset()))
        order = self._order(state, state.trace)
        self.list.show_rows(self._arrays_of(state.trace, state), order)
        self.list.show_current(state.question, scrolls=self._is_elsewhere(state))
        self._editor.draw(state)
        self._below.setCurrentWidget(self.figure if len(order) else self.no_match)
        self.figure.set_data(self.list.shown_data(), self._caption(state))

    def options(self) -> dict[str, Any]:
        return self.list.options()

    def set_options(self, options: dict[str, Any]) -> None:
        self.list.set_options(options)

    def _order(self, state: State, trace: TraceData) -> IndexArray:
        """Sorted again only where rows or columns are others, or another column is sorted by."""
        rows, table = trace.rows(state.scope, state.filter), self._arrays_of(trace, state)
        column, descending = self.list.sort_column, self.list.is_descending
        asked = (rows, table, column, descending)
        if self._ordered is None or any(a is not b for a, b in zip(self._ordered[0], asked, strict=True)):
            self._ordered = asked, table.sorted_rows(rows, column, descending=descending)
        return self._ordered[1]

    def _arrays_of(self, trace: TraceData, state: State) -> ArrayTable:
        source = (trace.table, state.what_if, state.notes)
        if self._arrays is None or any(a is not b for a, b in zip(self._arrays[0], source, strict=True)):
            changes = None if state.what_if is None else answer_changes(state.what_if, trace)
            self._arrays = source, array_table(trace.table, changes, state.notes.questions)
        return self._arrays[1]

    def _is_elsewhere(self, state: State) -> bool:
        """Whether to scroll to the current question: not where rows of a growing trace merely arrive."""
        shown = (state.trace, state.filter, state.question, self.list.sort_column, self.list.is_descending)
        is_elsewhere, self._scrolled_for = shown != self._scrolled_for, shown
        return is_elsewhere

    def _caption(self, state: State) -> str:
        heading = STYLES[self.list.sort_column].heading
        beside = "" if state.what_if is None else f" · beside what-if “{state.what_if.title}”"
        return f"{caption(state)}{beside} · sorted by {heading}{', descending' if self.list.is_descending else ''}"

    def _on_row_chosen(self, row: int) -> None:
        self.session.set(replace(self.state, question=row, token=None))

    def _on_left_downwards(self) -> None:
        self.list.setFocus()
        if self.list.current_row is None and (rows := self.rows_in_order()):
            self._on_row_chosen(rows[0])

    def _on_menu_wanted(self) -> None:
        pop_up(self.figure.menu(), self.bar.more)
