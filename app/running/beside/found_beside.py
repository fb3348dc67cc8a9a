"""What lies beside the trace shown: effect maps, what-ifs for its history, experiments; read in a thread."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from app.content.mask_editing import mask_title
from app.running.experiments import Experiments
from app.running.file_reader import FileReader
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import WhatIf
from moe_core.comparison.comparison import Comparison, compare
from moe_core.comparison.control_distribution import Controls
from moe_core.comparison.what_ifs_beside import WhatIfBeside, what_ifs_beside
from moe_core.effects.effect_map import EffectMap
from moe_core.effects.map_file import known_maps
from moe_core.errors import MoeCoreError
from moe_core.numbers.formatting import count
from moe_core.traces.reader import open_trace

if TYPE_CHECKING:
    from moe_core.experiments.beside import KeptExperiment

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Look:
    """One look around: at which trace, and what is known already."""

    number: int
    trace: TraceData
    known: frozenset[Path]
    forgotten: frozenset[str]
    awaited: Path | None
    wants_maps: bool


@dataclass(frozen=True, eq=False)
class _Found:
    """A what-if with its files open, or what is wrong with one; `keeps`: it belongs to the history.

    All that takes long was read in the thread.
    """

    look: _Look
    beside: WhatIfBeside
    before: TraceData | None = None
    after: TraceData | None = None
    title: str = ""
    controls: Controls | None = None
    keeps: bool = True


class FoundBeside(FileReader):
    """Looks around whenever another trace is shown, and when files of the library came or went.

    `looked` comes when all was told.
    """

    looked = Signal()

    def __init__(self, session: Session, experiments: Experiments, parent: QObject | None = None) -> None:
        super().__init__("beside", parent)
        self._session = session
        self._experiments = experiments
        self._number = 0
        self._n_told = 0
        self._mapped: TraceData | None = None  # whose maps are shown: later ones are told by the job that makes them
        session.changed.connect(self._on_changed)
        session.files_changed.connect(self.look)
        experiments.finished.connect(self.look)

    @property
    def is_looking(self) -> bool:
        """Whether there may be more to tell."""
        return self._n_told != self._number

    @Slot()
    def look(self, *_: object) -> None:
        """Look around once more; what is shown already is not read again."""
        self._number += 1
        state = self._session.state
        if state.trace is None:
            self._n_told = self._number
            return
        known = frozenset(made.after.path for made in state.history if made.is_whole)
        wants_maps = state.trace is not self._mapped
        look = _Look(self._number, state.trace, known, state.forgotten, self._session.awaited, wants_maps)
        self.submit(self._look, look)

    def close(self) -> None:
        """Wait for the file that is being read; nothing is told afterwards."""
        self._number = self._n_told = self._number + 1
        super().close()

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            self.look()

    def _look(self, look: _Look) -> None:
        """In the thread."""
        from moe_core.experiments.beside import experiments_beside

        path = look.trace.path
        try:
            if look.wants_maps:
                self.tell(self._on_maps_found, look, known_maps(path, look.trace.fingerprint))
            told = set(look.known)
            for beside in what_ifs_beside(path, known=look.known, forgotten=look.forgotten):
                if look.number != self._number:
                    return
                told.add(beside.path)
                self.tell(self._on_found, _opened(look, beside))
            if look.awaited is not None and look.awaited not in told:
                self.tell(self._on_found, _chosen(look, look.awaited))
            self.tell(self._on_experiments_found, look, tuple(experiments_beside(path)))
        except MoeCoreError as error:  # the trace itself, or its folder, is gone: views say that
            log.warning("What lies beside %s cannot be read: %s", path, error)
        self.tell(self._on_ended, look)

    def _on_found(self, found: _Found | None) -> None:
        if found is None:
            return
        state, beside, after = self._session.state, found.beside, found.after
        if found.look.trace is not state.trace:
            for data in (found.before, after):
                if data is not None:
                    data.close()
            return
        if beside.comparison is None or after is None:
            log.warning("%s", beside.problem)
            problems = tuple(dict.fromkeys((*state.history_problems, beside.problem)))
            self._session.set(replace(state, history_problems=problems))
            return
        notices = (beside.problem,) if beside.problem else ()
        before = found.before or found.look.trace
        made = WhatIf(found.title, before, after, beside.comparison, found.controls, notices=notices)
        self._session.add_what_if(made, keeps=found.keeps)

    def _on_maps_found(self, look: _Look, found: tuple[EffectMap, ...]) -> None:
        if look.trace is self._session.state.trace and look.trace is not self._mapped:
            self._mapped = look.trace
            self._session.add_effect_maps(found)

    def _on_experiments_found(self, look: _Look, found: "tuple[KeptExperiment, ...]") -> None:
        if look.trace is self._session.state.trace:
            self._experiments.take(look.trace.path, found)

    def _on_ended(self, look: _Look) -> None:
        self._n_told = max(self._n_told, look.number)
        if not self.is_looking:
            self.looked.emit()


def _title(comparison: Comparison, after: TraceData) -> str:
    """What was done to which experts, and how far the run is where it is not finished."""
    title, trace = mask_title(comparison.intervention_after), after.trace
    if trace.complete:
        return title
    return f"{title}, not finished: {count(int(trace.recorded.sum()))} of {count(trace.n_questions)} questions"


def _opened(look: _Look, beside: WhatIfBeside) -> _Found:
    """The files of a what-if, for the window; one that is gone since it was compared is said."""
    from moe_core.jobs.runs.control_runs import kept_controls

    if beside.comparison is None:
        return _Found(look, beside)
    after = None
    try:
        after = TraceData(beside.path)
        before = None if beside.before == look.trace.path else TraceData(beside.before)
        with open_trace(beside.before) as reference:
            controls = kept_controls(beside.path, reference, beside.comparison)
    except MoeCoreError as error:
        if after is not None:
            after.close()
        return _Found(look, replace(beside, comparison=None, problem=str(error)))
    return _Found(look, beside, before, after, _title(beside.comparison, after), controls)


def _chosen(look: _Look, other: Path) -> _Found | None:
    """The trace that the one shown was compared with by choice; None where that cannot be done any more."""
    try:
        with open_trace(look.trace.path) as before, open_trace(other) as after:
            comparison = compare(before, after)
    except MoeCoreError as error:
        log.info("%s is not compared with again: %s", other, error)
        return None
    return replace(_opened(look, WhatIfBeside(other, look.trace.path, comparison)), title=other.name, keeps=False)
