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
    """Begins when a mask is edited: not when a trace or *What if* is opened, since most are only looked at.

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

    def stop(self) -> None:
        """Begin no more."""
        self._wait.stop()

    def _begin(self) -> None:
        """Where nothing runs."""
        trace = self._session.state.trace
        if trace is None or not self._runner.takes_inquiries:
            return
        self.begins.emit()
        path = self._begun = trace.path
        self._runner.inquire("Getting the model ready", lambda engine: _getting_ready(path, engine))

    def _on_changed(self, before: State, after: State) -> None:
        is_edited = before.trace is after.trace and before.intervention != after.intervention
        is_meant = is_edited and not after.intervention.is_empty() and not after.workers  # which hold models themselves
        if is_meant and after.trace is not None and after.trace.path != self._begun:  # once for a trace
            self._wait.start()


def _getting_ready(trace: Path, engine: "Engine") -> Generator[Event, None, None]:
    import moe_core.jobs.what_if  # noqa: F401  # which the window would import when Run is pressed
    from moe_core.jobs.models.getting_ready import get_ready

    return get_ready(trace, engine)
