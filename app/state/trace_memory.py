"""What belongs to one trace and comes back with it: filter, place, mask, what-ifs, and what undo takes back."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from PySide6.QtGui import QUndoStack

from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, Rerun, SubsetKind, WhatIf
from moe_core.comparison.comparison import Comparison
from moe_core.comparison.control_distribution import Controls
from moe_core.errors import TraceError
from moe_core.interventions.intervention import Intervention
from moe_core.measures.question_filter import EVERYTHING, Expert, QuestionFilter

MOST = 50
"""Traces that are remembered; the one that was left longest ago is forgotten first."""

Key = tuple[str, str]
"""Where a trace lies, and the fingerprint of its run: another recording of the same name is another trace."""


@dataclass(frozen=True, eq=False)
class ClosedWhatIf:
    """A what-if whose files are closed: enough to show it again without comparing, as long as they did not change."""

    title: str
    before: Path
    after: Path
    versions: tuple[int, ...]
    comparison: Comparison
    controls: Controls | None
    seconds: float
    notices: tuple[str, ...]

    def opened(self, trace: TraceData) -> WhatIf | None:
        """The what-if beside the trace that it was made of; None where a file is gone, or another one by now."""
        if not self.versions or _versions(self.before, self.after) != self.versions:
            return None
        with suppress(TraceError):
            after = TraceData(self.after)
            try:
                before = trace if self.before == trace.path else TraceData(self.before)
            except TraceError:
                after.close()
                raise
            return WhatIf(self.title, before, after, self.comparison, self.controls, self.seconds, self.notices)
        return None


@dataclass(frozen=True)
class TraceMemory:
    """One trace as it was left. The question is kept by its id; `what_if` is the trace that it was compared with.

    `titles` are what a person called its what-ifs, `forgotten` those that were taken out of its history, both by
    their fingerprints. `history` are the what-ifs that this session knows, `compared` one that is none of them.
    """

    filter: QuestionFilter = EVERYTHING
    question: str = ""
    token: int | None = None
    layer: int = 0
    experts: frozenset[Expert] = frozenset()
    intervention: Intervention = field(default_factory=Intervention)
    subset: SubsetKind = SubsetKind.ALL
    asks_baseline: bool = False
    is_automatic: bool = False
    what_if: Path | None = None
    mode: Mode = Mode.BASELINE
    titles: Mapping[str, str] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()
    history: tuple[ClosedWhatIf, ...] = ()
    compared: ClosedWhatIf | None = None


class TraceMemories:
    """The traces of the session and of those before it, the one left last at the end."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, TraceMemory] = OrderedDict()
        self._stacks: dict[Key, QUndoStack] = {}

    @property
    def kept(self) -> Mapping[Key, TraceMemory]:
        return self._kept

    def keep(self, key: Key, memory: TraceMemory, stack: QUndoStack | None = None) -> None:
        """Remember a trace as it is left."""
        self._kept[key] = memory
        self._kept.move_to_end(key)
        if stack is not None:
            self._stacks[key] = stack
        while len(self._kept) > MOST:
            gone, _ = self._kept.popitem(last=False)
            if (old := self._stacks.pop(gone, None)) is not None:
                old.deleteLater()

    def of(self, data: TraceData) -> tuple[TraceMemory, QUndoStack | None]:
        """How this trace was left, maybe under another name that it has no longer; the defaults where it is new."""
        key = key_of(data)
        if key not in self._kept:
            moved = [old for old in self._kept if old[1] == key[1] and not Path(old[0]).exists()]
            if not moved:
                return TraceMemory(), None
            key = moved[-1]
        return self._kept[key], self._stacks.get(key)


def key_of(data: TraceData) -> Key:
    """What tells the trace from all others."""
    return str(data.path.absolute()), data.fingerprint


def memory_of(state: State) -> TraceMemory:
    """The state's trace as it would be left now."""
    assert state.trace is not None
    made, question = state.what_if, state.question
    return TraceMemory(
        filter=state.filter,
        question="" if question is None else state.trace.trace.ids[question],
        token=state.token,
        layer=state.layer,
        experts=state.experts,
        intervention=state.intervention,
        subset=state.rerun.subset,
        asks_baseline=state.rerun.asks_baseline,
        is_automatic=state.rerun.is_automatic,
        what_if=None if made is None else made.after.path,
        mode=state.mode,
        titles=state.titles,
        forgotten=state.forgotten,
        history=tuple(map(_closed, state.history)),
        compared=None if made is None or made in state.history else _closed(made),
    )


def restored(state: State, data: TraceData, memory: TraceMemory, first: int | None) -> State:
    """The state with another trace, as that was left; a question that it no longer has is its first one."""
    with suppress(ValueError):
        first = data.trace.ids.index(memory.question) if memory.question else first
    history = tuple(made for closed in memory.history if (made := closed.opened(data)) is not None)
    made = next((each for each in history if each.after.path == memory.what_if), None)
    if memory.compared is not None:
        made = memory.compared.opened(data)
    left = _as_left(state, data, memory, history, made)
    return replace(left, question=first, token=memory.token, layer=memory.layer, experts=memory.experts)


def without_trace(state: State) -> State:
    """The state that shows no trace: nothing of the one before is left."""
    return _as_left(state, None, TraceMemory(), (), None)


def _as_left(
    state: State, data: TraceData | None, memory: TraceMemory, history: tuple[WhatIf, ...], made: WhatIf | None
) -> State:
    return replace(
        state,
        trace=data,
        filter=memory.filter,
        intervention=memory.intervention,
        rerun=_rerun(state.rerun, memory),
        what_if=made,
        history=history,
        history_problems=(),
        mode=memory.mode,
        titles=memory.titles,
        forgotten=memory.forgotten,
        mismatch="",
        writer="",
    )


def _rerun(rerun: Rerun, memory: TraceMemory) -> Rerun:
    """How what-ifs are run is the person's; on which questions, against what, and whether by themselves the trace's."""
    return replace(rerun, subset=memory.subset, asks_baseline=memory.asks_baseline, is_automatic=memory.is_automatic)


def _closed(made: WhatIf) -> ClosedWhatIf:
    before, after = made.before.path, made.after.path
    versions = _versions(before, after)
    return ClosedWhatIf(made.title, before, after, versions, made.comparison, made.controls, made.seconds, made.notices)


def _versions(*paths: Path) -> tuple[int, ...]:
    """Changes where a file of these names is written to, or replaced; empty where one is gone."""
    try:
        found = [path.stat() for path in paths]
    except OSError:
        return ()
    return tuple(number for each in found for number in (each.st_ino, each.st_mtime_ns, each.st_size))
