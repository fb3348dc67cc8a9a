"""Has the model of the trace shown loaded ahead, once somebody means a what-if: the first one starts at once then."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.running.job_runner import JobRunner
from app.state.session import Session
from app.state.state import State
from moe_core.jobs.events import Event

if TYPE_CHECKING:
    from moe_core.jobs.models.engine import Engine

_WAIT_MS = 50
"""Until the mask is painted."""


class ModelAhead(QObject):
    """Begins when a mask is edited, or told to: never when a trace is opened, since most are only looked at.

    It asks the thread that owns the model, and gives way to every job; what hinders it is said once a job meets it.
    `begins` comes when the window has painted the sign, and before that thread is busy.
    """

    begins = Signal()

    def __init__(self, session: Session, runner: JobRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._runner = session, runner
        self._begun: Path | None = None
        self._wait = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._wait.timeout.connect(self._begin)
        session.changed.connect(self._on_changed)

    @property
    def is_about_to_begin(self) -> bool:
        """Whether there was a sign a moment ago."""
        return self._wait.isActive()

    def begin(self) -> None:
        """Begin in a moment where nothing runs, once for a trace; workers elsewhere hold models of their own."""
        trace = self._session.state.trace
        if trace is not None and trace.path != self._begun and not self._session.state.workers:
            self._wait.start()

    def stop(self) -> None:
        """Begin no more."""
        self._wait.stop()

    def _begin(self) -> None:
        trace = self._session.state.trace
        if trace is None or not self._runner.takes_inquiries:
            return
        self.begins.emit()
        path = self._begun = trace.path
        self._runner.inquire("Getting the model ready", lambda engine: _getting_ready(path, engine))

    def _on_changed(self, before: State, after: State) -> None:
        is_edited = before.trace is after.trace and before.intervention != after.intervention
        if is_edited and not after.intervention.is_empty():
            self.begin()


def _getting_ready(trace: Path, engine: "Engine") -> Generator[Event, None, None]:
    import moe_core.jobs.what_if  # noqa: F401  # which the window would import when Run is pressed
    from moe_core.jobs.models.getting_ready import get_ready

    return get_ready(trace, engine)
