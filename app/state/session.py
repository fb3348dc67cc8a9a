"""The one place that changes the state: views say what they want, everyone hears what changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.state.open_traces import compared, forget_what_is_left, held
from app.state.pinned_runs import Pins, opened_runs
from app.state.state import UNDOABLE, State, differing
from app.state.trace_data import TraceData
from app.state.trace_memory import TraceMemories, key_of, memory_of, restored, without_trace
from app.state.what_if_state import Mode, WhatIf
from moe_core.effects.effect_map import EffectMap
from moe_core.measures.question_filter import Expert, QuestionFilter
from moe_core.system.allocator import give_freed_back
from moe_core.traces.notes import Notes


class Session(QObject):
    """Holds the state. `changed` carries the state before and after; `requested` the name of an action to run.

    `path_requested` carries what to do with a file of the library, and its path; `files_changed` says that one of
    them came or went; `job_wanted` carries the request of a job.
    """

    changed = Signal(object, object)
    requested = Signal(str)
    path_requested = Signal(str, object)
    files_changed = Signal()
    job_wanted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = State()
        self.memories = TraceMemories()
        self._awaited: Awaited | None = None
        self.undo_stack = QUndoStack(self)
        """Edits of the trace shown."""

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

    def want_job(self, request: object) -> None:
        """Ask for a job by its frozen request, from whoever runs jobs of that kind."""
        self.job_wanted.emit(request)

    def open(self, path: Path) -> None:
        """Show another trace as it was left, else from its start; TraceError, and no change, where it is none."""
        for _ in self.opening(path):
            pass

    def opening(self, path: Path) -> Iterator[float]:
        """As `open`, in steps, yielding shares done; what was shown stays until the last one."""
        data, is_read = TraceData(path), False
        try:
            yield from data.reading()  # what every view needs: a damaged file is seen here
            is_read = True
        finally:
            if not is_read:
                data.close()
        first = 0 if len(data.table.ids) else None
        self.remember()
        memory, stack = self.memories.of(data)
        self.undo_stack = stack or QUndoStack(self)
        self._awaited = None if memory.what_if is None else Awaited(memory.what_if, memory.mode)
        state = replace(restored(self._state, data, memory, first), effect_maps=())  # they are looked for beside it
        self._apply(_within_bounds(state))

    def close(self) -> None:
        """Show no trace."""
        self.remember()
        self.undo_stack, self._awaited = QUndoStack(self), None
        self._apply(_within_bounds(replace(without_trace(self._state), effect_maps=())))

    def remember(self) -> None:
        """Keep what belongs to the trace shown, for when it is shown again."""
        if self._state.trace is not None:
            memory, awaited = memory_of(self._state), self._awaited
            if awaited is not None:
                memory = replace(memory, what_if=awaited.path, mode=awaited.mode)
            self.memories.keep(key_of(self._state.trace), memory, self.undo_stack)

    @property
    def awaited(self) -> Path | None:
        """The trace that the one shown was compared with when it was left, where that is not shown again yet."""
        return None if self._awaited is None else self._awaited.path

    def add_what_if(self, made: WhatIf, *, keeps: bool) -> None:
        """Take up a what-if that was found beside the trace shown; the one that is awaited is looked at.

        `keeps`: it belongs to the trace's history, newest first.
        """
        state = self._state
        made = made.renamed(state.titles.get(made.after.fingerprint, made.title))
        same = [each for each in state.history if each.after.path == made.after.path]
        if keeps and any(each.is_whole for each in same):  # shown since it was looked for
            _close(made, state)
            return
        if keeps:
            others = [each for each in state.history if each not in same]
            state = replace(state, history=tuple(sorted([made, *others], key=_created, reverse=True)))
        if state.what_if in same:
            state = replace(state, what_if=made)
        if self._awaited is not None and made.after.path == self._awaited.path:
            state = replace(state, what_if=made, mode=self._awaited.mode)
        self._apply(state)

    def add_effect_maps(self, found: tuple[EffectMap, ...]) -> None:
        """Take up the maps that were found beside the trace shown; those made since they were looked for stay."""
        known = self._state.effect_maps
        others = (made for made in found if not any(made.specification.is_of(each.specification) for each in known))
        self._apply(replace(self._state, effect_maps=(*known, *others)))

    def show_what_if(self, made: WhatIf, *, keeps: bool) -> None:
        """Look at a what-if of the trace shown; `keeps`: it belongs to the trace's history."""
        state = self._state
        if keeps:
            others = (each for each in state.history if each.after.path != made.after.path)
            state = replace(state, history=(made, *others), forgotten=state.forgotten - {made.after.fingerprint})
        self._apply(replace(state, what_if=made, mismatch=""))

    def look_at_what_if(self, path: Path) -> None:
        """Look at a what-if of the trace shown by its file, now or as soon as it is found beside the trace."""
        made = next((each for each in self._state.history if each.after.path == path), None)
        self._awaited = None if made is not None else Awaited(path, Mode.DIFFERENCE)
        self._apply(replace(self._state, what_if=made))

    def show_notes(self, notes: Notes) -> None:
        """Take up the notes on the trace shown, as they were found beside it."""
        self._apply(replace(self._state, notes=notes))

    def show_pins(self, pins: Pins) -> None:
        """Pin runs as they were pinned before: that is no edit."""
        self._apply(replace(self._state, pins=pins))

    def show_names(self, names: Mapping[Expert, str]) -> None:
        """Take up what the experts of the model are called, as it was found beside it."""
        self._apply(replace(self._state, names=names))

    def refresh(self) -> None:
        """Look again at a trace that may have grown; TraceError, and no change, where it cannot be read."""
        if self._state.trace is not None:
            self._state.trace.refresh()
            self._apply(replace(self._state, revision=self._state.revision + 1))

    def _apply(self, state: State) -> None:
        before, self._state = self._state, self._with_runs(state)
        state = self._state
        if state.what_if is not None:
            self._awaited = None
        is_left = forget_what_is_left(before, state)
        if differing(before, state):
            self.changed.emit(before, state)
        for data in held(before) - held(self._state):
            data.close()
        if is_left:
            give_freed_back()  # views have let go of it, too

    def _with_runs(self, state: State) -> State:
        was, is_new = self._state, state.trace is not self._state.trace or state.pins != self._state.pins
        known = [data for data in (*compared(state), state.trace) if data is not None]
        runs = opened_runs(state.pins, was.runs, known, tries_again=is_new)
        run = state.run if state.run in state.pins.paths else state.pins.baseline
        return replace(state, runs=runs, run=run)


@dataclass(frozen=True)
class Awaited:
    """The what-if that the trace shown was left with, and which side of it was shown."""

    path: Path
    mode: Mode


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
        self._session._apply(state or self._changed(self._before, self._after))

    def undo(self) -> None:
        self._session._apply(self._changed(self._after, self._before))

    def _changed(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> State:
        """The state with the edit made or taken back; of the names those alone that it is about."""
        now, fields = self._session.state, dict(after)
        if "names" in fields:
            cells = before["names"].keys() | after["names"].keys()
            edited = {cell for cell in cells if before["names"].get(cell) != after["names"].get(cell)}
            kept = {cell: name for cell, name in now.names.items() if cell not in edited}
            fields["names"] = kept | {cell: name for cell, name in after["names"].items() if cell in edited}
        return replace(now, **fields)


def _close(made: WhatIf, state: State) -> None:
    """Let go of the files of a what-if that is not taken up."""
    for data in {made.before, made.after} - held(state):
        data.close()


def _created(made: WhatIf) -> str:
    return made.comparison.after.created


def _describe(names: list[str], after: State) -> str:
    if names == ["notes"]:
        return "Change bookmarks and notes"
    if names == ["pins"]:
        return f"Pin {len(after.pins.paths)} runs" if after.pins.paths else "Unpin all runs"
    if names == ["names"]:
        return "Name an expert"
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
            expert
            for expert in state.intervention.experts
            if expert[0] not in state.layers or not 0 <= expert[1] < sizes.n_experts
        ),
        mode=state.mode if state.what_if is not None else Mode.BASELINE,
    )


def is_within(cell: Expert, n_layers: int, n_experts: int) -> bool:
    """Whether a model of this size has the expert."""
    layer, expert = cell
    return 0 <= layer < n_layers and 0 <= expert < n_experts
