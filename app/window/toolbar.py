"""The line at the top: which trace is shown, in which scope, and how many of its questions."""

from collections.abc import Iterator
from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from app.content.captions import run_text
from app.running.recording import can_resume
from app.state.session import Session
from app.state.state import SELECTION, State, differing
from app.widgets.eliding_label import ElidingLabel
from app.widgets.parts import named
from app.widgets.safe_text import as_tooltip
from moe_core.errors import MoeCoreError
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted
from moe_core.traces.reader import Trace


class Toolbar(QToolBar):
    """Trace, scope, and the size of the selection."""

    def __init__(self, session: Session) -> None:
        super().__init__("Trace and scope")
        self.setObjectName("toolbar-main")
        self.setMovable(False)
        self.setIconSize(QSize(16, 16))
        self._session = session
        self._trace = named(ElidingLabel(), "Trace shown")
        self._trace.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)  # the spring is to grow
        self._resume = named(QToolButton(), "Resume recording", "Ask what is still missing (Ctrl+Shift+R)")
        self._resume.setText("Resume")
        self._resume.clicked.connect(lambda: session.request("resume"))
        self._shown = named(QLabel(), "Questions shown")
        self._scope = named(QComboBox(), "Scope: which tokens count")
        for scope in Scope:
            self._scope.addItem(scope.value, scope)
        self._scope.activated.connect(self._on_scope_activated)
        label = QLabel("Scope")
        label.setBuddy(self._scope)
        self.addWidget(self._trace)
        self._resume_action = self.addWidget(self._resume)
        self._resume.setAutoRaise(False)  # a tool bar makes it flat
        for widget in (_spring(), self._shown, label, self._scope):
            self.addWidget(widget)
        session.changed.connect(self._on_changed)
        self._draw(session.state)

    def _on_changed(self, before: State, after: State) -> None:
        if differing(before, after) & {*SELECTION, "jobs", "writer"}:
            self._draw(after)

    def _draw(self, state: State) -> None:
        self._scope.setCurrentIndex(list(Scope).index(state.scope))
        self._scope.setEnabled(state.trace is not None)
        has_choices = state.trace is None or state.trace.trace.has_choices
        for at, scope in enumerate(Scope):
            self._scope.setItemData(at, scope.meaning_of(has_choices=has_choices), Qt.ItemDataRole.ToolTipRole)
        meaning = state.scope.meaning_of(has_choices=has_choices)
        self._scope.setToolTip(f"Which tokens count: {meaning} (Alt+1 to Alt+3)")
        self._resume_action.setVisible(can_resume(state))
        if state.trace is None:
            self._trace.set_text("No trace open")
            self._shown.setText("")
            return
        total = len(state.trace.table.ids)
        parts = [state.trace.path.name, run_text(state.trace.specification), *_missing(state.trace.trace)]
        self._trace.set_text(" · ".join(parts))
        self._trace.setToolTip(as_tooltip(str(state.trace.path)))
        try:
            n_shown = count(len(state.trace.rows(state.scope, state.filter)))
        except MoeCoreError:  # the file was cut short, or its disk is gone; the views say so
            n_shown = "?"
        self._shown.setText(f"{n_shown} of {counted(total, state.trace.trace.item)}")

    def _on_scope_activated(self, index: int) -> None:
        self._session.set(replace(self._session.state, scope=Scope(self._scope.itemData(index))))


def _missing(trace: Trace) -> Iterator[str]:
    """What a trace lacks, in words; nothing where it is complete."""
    n_recorded, n_damaged = int(trace.recorded.sum()), len(trace.damaged)
    if n_recorded + n_damaged < trace.n_questions:
        yield f"partial: {count(n_recorded)} recorded"
    if n_damaged:
        yield f"{count(n_damaged)} damaged"


def _spring() -> QWidget:
    spring = QWidget()
    spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return spring
