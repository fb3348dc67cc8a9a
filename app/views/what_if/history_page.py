"""The what-ifs of the trace, the newest first: gone back to by a click, renamed, removed, exported."""

from dataclasses import replace

from PySide6.QtWidgets import QWidget

from app.state.session import Session
from app.state.state import State
from app.state.what_if_state import WhatIf
from app.views.what_if.tables import HistoryTable
from app.views.what_if.texts import history_table
from app.widgets.figures.figure import Figure
from app.widgets.parts import button, in_column, in_row, named, plain_text


class HistoryPage(QWidget):
    """Draws `state.history`; the one looked at is current."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._shown: tuple[WhatIf, ...] = ()
        self.table = HistoryTable()
        self.figure = Figure(self.table, "What-ifs of this trace")
        self.problems = named(plain_text(is_faded=True), "What-ifs that cannot be shown")
        self.problems.setContentsMargins(8, 0, 8, 0)
        self.problems.hide()
        self.remove = button("Remove", "Forget this what-if; its trace stays in the folder (Del)")
        self.csv = button("CSV…", "Save the list as CSV")
        self.report = button("Report…", "Save all of them as one self-contained HTML page")
        buttons = in_row(None, self.remove, self.csv, self.report, 0, margins=(4, 0, 4, 0), spacing=4)
        in_column(self, (self.figure, 1), self.problems, buttons, margins=(0, 0, 0, 4), spacing=4)
        self.table.chosen.connect(self._on_chosen)
        self.table.renamed.connect(self._on_renamed)
        self.table.removed.connect(self._on_removed)
        self.remove.clicked.connect(self._on_remove)
        self.csv.clicked.connect(self._on_csv)
        self.report.clicked.connect(self._on_report)

    def draw(self, state: State) -> None:
        if state.history != self._shown or not self._shown:
            self._shown = state.history
            self.figure.set_data(history_table(state.history), "What-ifs of this trace")
        self.problems.setText("\n".join(state.history_problems))
        self.problems.setVisible(bool(state.history_problems))
        self.table.show_history(state.history, state.what_if)
        self.csv.setEnabled(bool(state.history))
        self.report.setEnabled(bool(state.history))
        self.remove.setEnabled(state.what_if in state.history)

    def _on_chosen(self, at: int) -> None:
        state = self._session.state
        self._session.set(replace(state, what_if=state.history[at]))

    def _on_renamed(self, at: int, title: str) -> None:
        state = self._session.state
        old, new = state.history[at], state.history[at].renamed(title)
        history = (*state.history[:at], new, *state.history[at + 1 :])
        titles = {**state.titles, old.after.fingerprint: title}
        shown = new if state.what_if is old else state.what_if
        self._session.set(replace(state, history=history, titles=titles, what_if=shown))

    def _on_removed(self, at: int) -> None:
        state = self._session.state
        gone = state.history[at]
        history = tuple(made for made in state.history if made is not gone)
        forgotten = state.forgotten | {gone.after.fingerprint}
        shown = None if state.what_if is gone else state.what_if
        self._session.set(replace(state, history=history, forgotten=forgotten, what_if=shown))

    def _on_remove(self) -> None:
        state = self._session.state
        if state.what_if is not None and state.what_if in state.history:
            self._on_removed(state.history.index(state.what_if))

    def _on_csv(self) -> None:
        self.figure.wanted.emit(self.figure, "data")

    def _on_report(self) -> None:
        self._session.request("save_what_ifs")
