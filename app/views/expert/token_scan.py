"""Reads the tokens of the selection bit by bit while the window goes on, and keeps the newest sample."""

from collections.abc import Generator
from dataclasses import dataclass
from time import perf_counter

from PySide6.QtCore import QObject, QTimer, Signal

from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.sampled_tokens import TokenSample, read_token_sample
from moe_core.measures.scope import Scope

STEP_SECONDS = 0.008
_TELL_SECONDS = 0.1
_PATIENCE_MS = 2000
"""A trace that grows while it is shown is read anew at most this often."""


@dataclass(frozen=True)
class _Wanted:
    """Whose tokens: a selection of questions, and how much of the trace there was."""

    trace: TraceData
    filter: QuestionFilter
    scope: Scope
    revision: int

    def selects_as(self, other: "_Wanted | None") -> bool:
        """Whether both are the same selection, be it that the trace has grown between them."""
        return other is not None and (self.trace, self.filter, self.scope) == (other.trace, other.filter, other.scope)


class TokenScan(QObject):
    """`request` a state; `advanced` tells that there is progress or a sample. A newer request drops the one running."""

    advanced = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._wanted: _Wanted | None = None
        self._steps: Generator[float, None, TokenSample] | None = None
        self._told = 0.0
        self.progress = 0.0
        self.sample: TokenSample | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        self._later = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._later.timeout.connect(self._start_again)
        session.changed.connect(self._on_changed)

    def request(self, state: State) -> None:
        """Read the tokens of the selection, where these are not there or on their way already."""
        if state.trace is None:
            return self.stop()
        wanted = _Wanted(state.trace, state.filter, state.scope, state.revision)
        if wanted == self._wanted:
            return None
        if wanted.selects_as(self._wanted):
            if not self._later.isActive():
                self._later.start()
            return None
        self.sample = None
        return self._start(wanted)

    def stop(self) -> None:
        """Forget what was asked for and what was read."""
        self._halt()
        self._later.stop()
        self._wanted = self.sample = None

    def _start(self, wanted: _Wanted) -> None:
        self._halt()
        self._later.stop()
        self._wanted, self.progress, self._told = wanted, 0.0, perf_counter()
        self._steps = read_token_sample(wanted.trace.trace, wanted.trace.sample(wanted.scope, wanted.filter))
        self._timer.start(0)

    def _start_again(self) -> None:
        if self._timer.isActive():
            self._later.start()  # what is being read is new enough to be shown first
        elif self._wanted is not None:
            state = self._session.state
            assert state.trace is not None
            self._start(_Wanted(state.trace, state.filter, state.scope, state.revision))

    def _halt(self) -> None:
        self._timer.stop()
        if self._steps is not None:
            self._steps.close()
            self._steps = None

    def _step(self) -> None:
        assert self._steps is not None
        until = perf_counter() + STEP_SECONDS
        finished: TokenSample | None = None
        try:
            while perf_counter() < until:
                self.progress = next(self._steps)
        except StopIteration as stop:
            finished = stop.value
        if finished is not None:  # not inside the handler: an error of a listener would be told with all the sample
            self.sample = finished
            self._halt()
            self.advanced.emit()
        elif perf_counter() - self._told > _TELL_SECONDS:
            self._told = perf_counter()
            self.advanced.emit()

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            self.stop()  # its file is about to be closed
