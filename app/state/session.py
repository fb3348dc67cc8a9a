"""The one place that changes the state: views say what they want, everyone hears what changed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.state.state import UNDOABLE, State, differing
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, WhatIf
from moe_core.interventions.intervention import Intervention
from moe_core.measures.question_filter import EVERYTHING, Expert, QuestionFilter

_OF_ANOTHER_TRACE: dict[str, Any] = {
    "filter": EVERYTHING, "what_if": None, "history": (), "mode": Mode.BASELINE, "mismatch": "", "writer": ""
}  # fmt: skip


class Session(QObject):
    """Holds the state. `changed` carries the state before and after; `requested` the name of an action to run.

    `path_requested` carries what to do with a file of the library, and its path; `library_changed` says that one of
    them came or went.
    """

    changed = Signal(object, object)
    requested = Signal(str)
    path_requested = Signal(str, object)
    library_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = State()
        self.undo_stack = QUndoStack(self)

    @property
    def state(self) -> State:
        """What is shown now."""
        return self._state

    def set(self, state: State) -> None:
        """Show another state. Edits of the filter, the selected experts and the mask can be undone."""
        state = _within_bounds(state)
        edited = [name for name in UNDOABLE if getattr(state, name) != getattr(self._state, name)]
        if edited and state.trace is self._state.trace:
            self.undo_stack.push(_Edit(self, self._state, state, edited))
        else:
            self._apply(state)

    def request(self, action: str) -> None:
        """Ask for an action of the window by its name, such as `open` or `record`."""
        self.requested.emit(action)

    def request_for(self, path: Path, action: str) -> None:
        """Ask for something that is done with one trace of the library: `open`, `compare`, `reveal`, `delete`."""
        self.path_requested.emit(action, path)

    def open(self, path: Path) -> None:
        """Show another trace from its start; raises TraceError, and changes nothing, where that cannot be read."""
        data = TraceData(path)
        try:
            first = 0 if len(data.table.ids) else None  # reads what every view needs: a damaged file is seen here
        except Exception:
            data.close()
            raise
        self.undo_stack.clear()
        fresh = replace(self._state, trace=data, question=first, token=None, **_OF_ANOTHER_TRACE)
        self._apply(_within_bounds(fresh))

    def close(self) -> None:
        """Show no trace."""
        self.undo_stack.clear()
        none = replace(self._state, trace=None, intervention=Intervention(), **_OF_ANOTHER_TRACE)
        self._apply(_within_bounds(none))

    def show_what_if(self, made: WhatIf, *, keeps: bool) -> None:
        """Look at a what-if of the trace shown; `keeps`: it belongs to the session's history."""
        history = (*self._state.history, made) if keeps else self._state.history
        self._apply(replace(self._state, what_if=made, history=history, mismatch=""))

    def refresh(self) -> None:
        """Look again at a trace that may have grown; TraceError, and no change, where it cannot be read."""
        if self._state.trace is not None:
            self._state.trace.refresh()
            self._apply(replace(self._state, revision=self._state.revision + 1))

    def _apply(self, state: State) -> None:
        before, self._state = self._state, state
        if differing(before, state):
            self.changed.emit(before, state)
        for data in _held(before) - _held(self._state):
            data.close()


class _Edit(QUndoCommand):
    """One edit of the fields in UNDOABLE; undoing it leaves all other fields as they are by then."""

    def __init__(self, session: Session, before: State, after: State, names: list[str]) -> None:
        super().__init__(_describe(names, after))
        self._session = session
        self._before = {name: getattr(before, name) for name in names}
        self._after = {name: getattr(after, name) for name in names}
        self._first_state: State | None = after

    def redo(self) -> None:
        # The first time, the whole new state is shown: fields that cannot be undone may have changed with it.
        state, self._first_state = self._first_state, None
        self._session._apply(state or replace(self._session.state, **self._after))

    def undo(self) -> None:
        self._session._apply(replace(self._session.state, **self._before))


def _describe(names: list[str], after: State) -> str:
    if "intervention" in names:
        experts = after.intervention.experts
        return f"Act on {len(experts)} experts" if experts else "Clear the mask"
    if names == ["experts"]:
        return f"Select {len(after.experts)} experts" if after.experts else "Clear selected experts"
    return "Clear filter" if after.filter == QuestionFilter() else "Filter questions"


def _within_bounds(state: State) -> State:
    """The state with every index inside the trace: a view may ask for more than there is."""
    if state.trace is None:
        return replace(state, question=None, token=None, experts=frozenset(), layer=0)
    sizes = state.trace.trace.dimensions
    question = state.question
    if question is not None and not 0 <= question < sizes.n_questions:
        question = None
    token = state.token
    if question is None or (token is not None and not 0 <= token < int(state.trace.table.tokens[question])):
        token = None
    return replace(
        state,
        question=question,
        token=token,
        layer=min(max(state.layer, 0), sizes.n_layers - 1),
        experts=frozenset(cell for cell in state.experts if is_within(cell, sizes.n_layers, sizes.n_experts)),
        intervention=state.intervention.without(
            cell for cell in state.intervention.experts if not is_within(cell, sizes.n_layers, sizes.n_experts)
        ),
        mode=state.mode if state.what_if is not None else Mode.BASELINE,
    )


def _held(state: State) -> frozenset[TraceData]:
    """Every open file that the state needs; what is needed no more is closed."""
    made = (*state.history, *([state.what_if] if state.what_if else []))
    data = (state.trace, *(side for each in made for side in (each.before, each.after)))
    return frozenset(each for each in data if each is not None)


def is_within(cell: Expert, n_layers: int, n_experts: int) -> bool:
    """Whether a model of this size has the expert."""
    layer, expert = cell
    return 0 <= layer < n_layers and 0 <= expert < n_experts
