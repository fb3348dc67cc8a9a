"""The Ranking view: the experts of the grid as a list, sorted by any metric, filtered, and linked with every view."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from app.content.captions import caption, nothing_compared_text
from app.content.grids.comparison_values import compared_samples, is_compared
from app.content.grids.expert_grid import GRID_METRICS, ExpertGrid
from app.content.grids.hatching import hatching
from app.content.note_editing import BOOKMARK, name_text, note_text
from app.content.preparing import preparing_metric
from app.content.row_links import OFFERED
from app.state.session import Session
from app.state.state import COMPARISON, SELECTION, State
from app.state.what_if_state import Mode
from app.view import View
from app.views.experts.ranking_columns import ELASTIC, LEADING, STYLES, grids_of, ranking_table
from app.widgets.eliding_label import ElidingLabel
from app.widgets.fields.number_boxes import WholeBox
from app.widgets.figures.table_figure import TableFigure
from app.widgets.filter.search_field import SearchField
from app.widgets.parts import in_column, in_row, named, pop_up, tool_button
from app.widgets.tables.view import ArrayTableView
from moe_core.figures.array_table import ArrayTable, IndexArray
from moe_core.interventions.layers import Cell
from moe_core.numbers.formatting import count
from moe_core.numbers.stepwise import in_turn

_TIP = (
    "Words that an expert must have: 3:17, L3 for a layer, E17 for an expert of every layer, masked, never, selected, "
    "bookmarked"
)
_DIFFERENCE = 28
"""Digits of a difference with its interval, both with their signs."""
_LEAST_SEARCH = 16
"""Letters for which there is always room."""
_MORE_TIP = (
    "Copy the list, save it as CSV, sort it, choose its columns: intervals and support have columns of their own"
)


class RankingView(View):
    """One row an expert; what is current here is selected everywhere, and the other way round."""

    name = "ranking"
    depends_on = SELECTION | COMPARISON | {"experts", "intervention", "notes", "names"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.search = SearchField("3:17, L3, E17, masked, never …", "Which experts are listed")
        self.search.setToolTip(_TIP)
        self.search.setMinimumWidth(_LEAST_SEARCH * self.search.fontMetrics().averageCharWidth())
        self.least = WholeBox()
        self.least.setRange(0, 2**20)
        self.least.setPrefix("n ≥ ")
        self.least.setAccessibleName("Least number of questions behind an expert")
        self.least.setToolTip("List only experts that so many questions of the selection use")
        self.bookmarked = tool_button(BOOKMARK, "Bookmarked experts only", "Only experts with a bookmark or a note")
        self.bookmarked.setCheckable(True)
        self.list = ArrayTableView(STYLES, elastic=ELASTIC, leading=LEADING)
        self.list.sort_by([style.name for style in STYLES].index("n"), descending=True)
        self.figure = TableFigure(self.list, "Ranking of experts", ("Copy layer:expert", "expert"))
        self.figure.offers = lambda place: self.actions_named(*OFFERED["expert"])
        self._n = named(ElidingLabel(), "Experts listed")
        self._more = tool_button("⋯", "More on this list", _MORE_TIP)
        self._table: tuple[tuple[object, ...], ArrayTable] | None = None
        self._lay_out()
        self.list.row_chosen.connect(self._on_row_chosen)
        self.list.sort_changed.connect(self.redraw)
        self.search.searched.connect(self.redraw)
        self.search.left_downwards.connect(self.list.setFocus)
        self.least.valueChanged.connect(self.redraw)
        self.bookmarked.toggled.connect(self.redraw)
        self._more.clicked.connect(self._on_more)

    def preparing(self, state: State) -> Iterator[float]:
        return in_turn(*(partial(preparing_metric, state, metric) for metric in GRID_METRICS))

    def draw(self, state: State) -> None:
        grids, samples = grids_of(state), compared_samples(state)
        if not grids:
            self.show_empty("Open a trace to rank its experts.", "Open trace…", "open")
        elif samples is not None and not samples.n:
            self.show_empty(nothing_compared_text(state), "Clear filter", "clear_filter")
        elif not next(iter(grids.values())).n_questions:
            self.show_empty("No answered question passes the filter.", "Clear filter", "clear_filter")
        else:
            self._show(state, grids)

    def options(self) -> dict[str, Any]:
        return {**self.list.options(), "least": self.least.value()}

    def set_options(self, options: dict[str, Any]) -> None:
        self.list.set_options(options)
        least = options.get("least")
        self.least.setValue(least if type(least) is int else 0)

    def _show(self, state: State, grids: dict[str, ExpertGrid]) -> None:
        self.show_body()
        first = next(iter(grids.values()))
        E = first.values.values.shape[1]
        table = self._table_of(state, grids)
        order = table.sorted_rows(self._listed(state, table), self.list.sort_column, descending=self.list.is_descending)
        self.list.layout_of_columns.widen_intervals(_DIFFERENCE if state.mode is Mode.DIFFERENCE else 0)
        self.list.show_rows(table, order)
        chosen = min(state.experts, default=None)
        current = self.list.current_row
        if chosen is None or current is None or divmod(current, E) not in state.experts:
            self.list.show_current(None if chosen is None else chosen[0] * E + chosen[1])
        self._n.set_text(f"{count(len(order))} of {count(len(table.is_faded))} experts · {first.n_text()}")
        n_compared = first.n_questions if is_compared(state) else None
        heading = STYLES[self.list.sort_column].heading
        self.figure.set_data(self.list.shown_data(), f"{caption(state, n_compared=n_compared)} · sorted by {heading}")

    def _table_of(self, state: State, grids: dict[str, ExpertGrid]) -> ArrayTable:
        """Made anew only where values or masks changed: a click on a row is no reason."""
        hatched = hatching(state)
        key = (*(id(grid.values) for grid in grids.values()), hatched, state.notes, state.names)
        if self._table is None or self._table[0] != key:
            first = next(iter(grids.values()))
            words = np.full(first.values.values.size, "", object)
            for place, cell in enumerate(np.ndindex(first.values.values.shape)):
                facts = hatched.facts((cell[0], cell[1]))
                never = ["never used"] if first.is_never_used[cell] else []
                note = note_text(state.notes.experts.get(state.layers.expert((cell[0], cell[1]))))
                name = name_text(state, (cell[0], cell[1]))
                words[place] = ", ".join(filter(None, [name, *facts, *never, note]))
            self._table = key, ranking_table(grids, words)
        return self._table[1]

    def _listed(self, state: State, table: ArrayTable) -> IndexArray:
        """Rows with every word that is searched for, and with questions enough behind them."""
        enough = np.asarray(table.columns[2]) >= self.least.value()
        wanted = self.search.text().casefold().split() + ["bookmarked"] * self.bookmarked.isChecked()
        if wanted:
            found = [self._has(state, table, row, wanted) for row in range(len(enough))]
            enough &= np.array(found)
        return np.flatnonzero(enough)

    def _has(self, state: State, table: ArrayTable, row: int, wanted: list[str]) -> bool:
        cell = _cell(state, row)
        layer, expert = state.layers.expert(cell)
        words = [f"{layer}:{expert}", f"l{layer}", f"e{expert}", *re.split(r"[ ,]+", table.columns[-1][row])]
        words += ["masked"] if (layer, expert) in state.intervention.mask else []
        words += ["selected"] if cell in state.experts else []
        words += ["bookmarked"] if (layer, expert) in state.notes.experts else []
        return all(word in words or any(has.startswith(word) and ":" in has for has in words) for word in wanted)

    def _on_row_chosen(self, row: int) -> None:
        if self._table is not None and self.state.trace is not None:
            cell = _cell(self.state, row)
            self.session.set(replace(self.state, experts=frozenset({cell}), layer=cell[0]))

    def _on_more(self) -> None:
        pop_up(self.figure.menu(), self._more)

    def _lay_out(self) -> None:
        row = in_row(None, (self.search, 1), self.least, self.bookmarked, self._more, margins=(8, 4, 8, 4), spacing=6)
        self._n.setContentsMargins(8, 2, 8, 4)
        in_column(self.body, row, (self.figure, 1), self._n, spacing=0)
        self.begin_keys_at(self.search)


def _cell(state: State, row: int) -> Cell:
    """Rows go through the layers one after the other."""
    assert state.trace is not None
    return divmod(row, state.trace.trace.dimensions.n_experts)
