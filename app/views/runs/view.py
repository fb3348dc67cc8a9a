"""The Runs view: pinned traces beside each other as a table of what differs, as grids of one range, and as curves."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLayout,
    QSizePolicy,
    QTabWidget,
    QWidget,
)

from app.content.runs_beside import RunsBeside, problems_of, runs_beside
from app.state.session import Session
from app.state.state import SELECTION, State
from app.view import View
from app.views.runs.columns import ELASTIC, LEADING, STYLES, alike_columns, alike_text, runs_table
from app.views.runs.curves import CurvesPage
from app.views.runs.grids_page import GridsPage
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.pane import more_button
from app.widgets.figures.table_figure import TableFigure
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import button, in_column, in_row, named, plain_text, tool_button
from app.widgets.tables.view import ArrayTableView
from moe_core.errors import ComparisonError
from moe_core.figures.array_table import ArrayTable
from moe_core.measures.entropy_by_layer import EntropyKind
from moe_core.numbers.formatting import count, counted

OFFERED = ("run_baseline", "run_earlier", "run_later", "open_run", "unpin_run")
"""What a right click on a run offers."""
_BUTTONS = (
    ("pin_shown", "Pin shown", "Pin the trace shown, and the what-if shown beside it (P)"),
    ("pin_what_ifs", "Pin what-ifs", "Pin the trace shown and all of its what-ifs (Shift+P)"),
    ("pin_file", "Pin a trace…", "Pin another trace: another what-if, or another model on the same questions"),
    ("run_baseline", "Baseline", "Compare the others with this run (Alt+Shift+B)"),
    ("unpin_run", "Unpin", "Take the run away; its file stays (Shift+Del)"),
)
_ARROWS = (
    ("run_earlier", "↑", "Move the run up", "Show the run earlier (Alt+Shift+Up)"),
    ("run_later", "↓", "Move the run down", "Show the run later (Alt+Shift+Down)"),
)
_SIDES = ((False, "Values"), (True, "Differences from the baseline"))
_SIDES_TIP = "Each run as it is, or what it has more than the baseline, with intervals and a corrected test"


class RunsView(View):
    """`state.pins` says which runs; what they are compared over are the questions that all of them answered."""

    name = "runs"
    depends_on = SELECTION | {
        "pins", "runs", "run", "metric", "experts", "layer", "history", "titles", "shows_unsupported",
    }  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._known: tuple[tuple[object, ...], RunsBeside | str | None] | None = None
        self._table: tuple[RunsBeside, ArrayTable] | None = None
        self._buttons: dict[str, QAbstractButton] = {action: button(text, tip) for action, text, tip in _BUTTONS}
        self._buttons |= {action: tool_button(text, name, tip) for action, text, name, tip in _ARROWS}
        self.list = ArrayTableView(STYLES, elastic=ELASTIC, leading=LEADING)
        self.figure = TableFigure(self.list, "Runs side by side", ("Copy name of the run", "run"))
        self._more = more_button(self.figure)
        self.alike = named(ElidingLabel(), "What all runs have in common")
        self.note = named(plain_text(is_faded=True), "What is compared, and what cannot be")
        self.sides = named(QComboBox(), "Values or differences", _SIDES_TIP)
        for value, text in _SIDES:
            self.sides.addItem(text, value)
        self.grids, self.curves = GridsPage(session), CurvesPage(session)
        self.pages = _Pages()
        self._lay_out()
        self._connect()

    def preparing(self, state: State) -> Iterator[float]:
        runs = self._runs(state) if state.pins.paths else None
        if isinstance(runs, RunsBeside):
            metric, differences = self.grids.metric_of(state), bool(self.sides.currentData())
            yield from runs.preparing(metric, self.curves.kind, differences=differences)

    def draw(self, state: State) -> None:
        if not state.pins.paths:
            self._known = None
            has_trace = state.trace is not None
            button_and_action = ("Pin what is shown", "pin_shown") if has_trace else ("Open trace…", "open")
            sentence = "Pin two or more traces to see them side by side: a baseline and its what-ifs, or two models."
            self.show_empty(sentence, *button_and_action)
            return
        runs = self._runs(state)
        self.show_body()
        self._say(state, runs)
        self.pages.setVisible(isinstance(runs, RunsBeside))
        self._buttons["unpin_run"].setEnabled(state.run is not None)
        self._buttons["run_earlier"].setEnabled(state.pins.may_move(state.run, -1))
        self._buttons["run_later"].setEnabled(state.pins.may_move(state.run, 1))
        self._buttons["run_baseline"].setEnabled(state.run not in (None, state.pins.baseline))
        self._buttons["pin_shown"].setEnabled(state.trace is not None)
        self._buttons["pin_what_ifs"].setEnabled(bool(state.history))
        if isinstance(runs, RunsBeside):
            self._show_table(state, runs)
            for page in (self.grids, self.curves):
                page.draw(state, runs, differences=bool(self.sides.currentData()))

    def options(self) -> dict[str, Any]:
        return {
            "differences": self.sides.currentData(),
            "kind": self.curves.kind.value,
            "page": self.pages.currentIndex(),
            "colours": self.grids.colours.options(),
            "columns": self.list.layout_of_columns.options(),
        }

    def set_options(self, options: dict[str, Any]) -> None:
        self.sides.setCurrentIndex(int(options.get("differences") is True))
        self.curves.kinds.setCurrentIndex(int(options.get("kind") == EntropyKind.FULL.value))
        page, colours, columns = (options.get(name) for name in ("page", "colours", "columns"))
        self.pages.setCurrentIndex(page if type(page) is int and page in (0, 1, 2) else 0)
        self.grids.colours.set_options(colours if isinstance(colours, dict) else {})
        self.list.layout_of_columns.set_options(columns if isinstance(columns, dict) else {})

    def _runs(self, state: State) -> RunsBeside | str | None:
        """What is compared, kept while that is the same; a sentence where it cannot be."""
        of = (state.runs, state.pins, state.revision, state.scope, state.filter, state.trace, state.history)
        if self._known is None or self._known[0] != of:
            try:
                found: RunsBeside | str | None = runs_beside(state)
            except ComparisonError as error:
                found = str(error)
            self._known = of, found
        return self._known[1]

    def _say(self, state: State, runs: RunsBeside | str | None) -> None:
        said = problems_of(state)
        if isinstance(runs, RunsBeside):
            of = f" of {count(runs.n_asked)}" if runs.n < runs.n_asked else ""
            every = "both" if len(runs.names) == 2 else f"all {len(runs.names)}"
            does = "answered" if runs.samples[0].has_choices else "read"
            n = f"n = {count(runs.n)}{of} {runs.samples[0].item}s that {every} runs {does}, scope {state.scope}."
            unlike = filter(None, map(runs.why_unlike, range(len(runs.names))))
            said = [n, *said, *dict.fromkeys(unlike)]
        else:
            pinned = f"{counted(len(state.runs), 'run')} pinned: pin another one to see them side by side."
            said = [runs or pinned, *said]
        self.note.setText(" ".join(said))

    def _show_table(self, state: State, runs: RunsBeside) -> None:
        table = runs_table(runs) if self._table is None or self._table[0] is not runs else self._table[1]
        self._table = runs, table
        self.list.set_without_values(alike_columns(runs, table))
        column, is_descending = self.list.sort_column, self.list.is_descending
        self.list.show_rows(table, table.sorted_rows(np.arange(len(runs.names)), column, descending=is_descending))
        paths = [data.path.absolute() for data in runs.data]
        self.list.show_current(paths.index(state.run) if state.run in paths else None)
        text = alike_text(runs, table)
        self.alike.set_text(text)
        self.figure.set_data(self.list.shown_data(), f"Runs side by side, n = {count(runs.n)}. {text}")

    def _on_row_chosen(self, row: int) -> None:
        if self._table is not None:
            self.session.set(replace(self.state, run=self._table[0].data[row].path.absolute()))

    def _lay_out(self) -> None:
        buttons = FlowLayout(*self._buttons.values(), spacing=4)
        row = in_row(None, (self.alike, 1), self._more)
        self.pages.setCornerWidget(self.sides)
        self._beside = _page(self.figure, row), self.grids, self.curves
        for page, title in zip(self._beside, ("Table", "Grids", "Curves"), strict=True):
            self.pages.addTab(page, title)
        self.pages.setDocumentMode(True)
        self.pages.setUsesScrollButtons(False)
        self.pages.setAccessibleName("Table, grids or curves")
        self.pages.currentChanged.connect(self._fit_page)
        self._fit_page()
        # The last one has room while nothing is beside each other yet.
        in_column(self.body, buttons, self.note, (self.pages, 1000), 1, margins=(8, 4, 8, 4), spacing=4)
        self.begin_keys_at(self.list)

    def _fit_page(self, *_: object) -> None:
        """A page that is not shown asks for no room."""
        for page in self._beside:
            policy = QSizePolicy.Policy.Preferred if page is self.pages.currentWidget() else QSizePolicy.Policy.Ignored
            page.setSizePolicy(policy, policy)

    def _connect(self) -> None:
        for action, made in self._buttons.items():
            made.clicked.connect(partial(self.session.request, action))
        self.figure.offers = lambda place: self.actions_named(*OFFERED)
        self.offer(self.grids.figure, self.grids.choose_at, "expert")
        self.list.row_chosen.connect(self._on_row_chosen)
        self.list.sort_changed.connect(self.redraw)
        self.sides.activated.connect(self.redraw)
        self.curves.changed.connect(self.redraw)


class _Pages(QTabWidget):
    """At least as high as its page has to be: Qt asks for the height that the page would like to have."""

    def hasHeightForWidth(self) -> bool:
        return False


def _page(content: QWidget, below: QLayout) -> QWidget:
    page = QWidget()
    in_column(page, (content, 1), below, margins=(0, 4, 0, 0), spacing=4)
    return page
