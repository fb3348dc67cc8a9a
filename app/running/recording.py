"""Recording from the window: starts the job, lets the trace be looked at while it grows, says how it ended."""

import logging
import os
import time
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.running.job_runner import JobEnded, JobRunner, MakeJob
from app.state.session import Session
from app.state.state import State
from moe_core.errors import TraceError
from moe_core.jobs.events import Progress
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.resume import ResumeRequest, resume

log = logging.getLogger(__name__)

REFRESH_S = 2.0
"""A growing trace is read again this often, or less often where that took more than a tenth of the time."""


def can_resume(state: State) -> bool:
    """Whether the trace shown lacks questions, and nothing runs that may be asking them, here or elsewhere."""
    return state.trace is not None and not (state.running or state.writer) and not state.trace.trace.complete


class Recording(QObject):
    """One recording at a time. `finished` carries the JobEnded of a recording, after its trace is shown."""

    finished = Signal(object)

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runner = runner
        self._out: Path | None = None
        self._next_refresh_s = 0.0
        runner.progressed.connect(self._on_progressed)
        runner.ended.connect(self._on_ended)

    def start(self, request: RecordRequest) -> None:
        """Record, or resume what the same request began; nothing else may be running."""
        request.out.parent.mkdir(parents=True, exist_ok=True)
        self._start(request.out, lambda engine: record(request, engine))

    def resume(self, trace: Path) -> None:
        """Go on with a partial trace, whatever began it; nothing else may be running."""
        self._start(trace, lambda engine: resume(ResumeRequest(trace), engine))

    def _start(self, out: Path, make_job: MakeJob) -> None:
        self._out = out
        self._next_refresh_s = 0.0
        self._runner.start(f"Recording {out.name}", make_job)

    def _on_progressed(self, event: object) -> None:
        if self._out is None or not isinstance(event, Progress) or event.unit != "questions" or not event.done:
            return
        if time.monotonic() >= self._next_refresh_s:
            self._show(self._out)

    def _on_ended(self, ended: JobEnded) -> None:
        if self._out is None:
            return
        out, self._out = self._out, None
        if ended.outcome == "failed":
            self._refresh(out)  # what was shown stays, with what it had got
        elif os.path.exists(out):
            self._show(out)
        self.finished.emit(ended)

    def _show(self, out: Path) -> None:
        started = time.monotonic()
        if not self._refresh(out) and self._next_refresh_s == 0.0:  # once: whoever opens another one stays there
            try:
                self._session.open(out)
            except TraceError as error:
                log.warning("%s", error)
        took = time.monotonic() - started
        self._next_refresh_s = time.monotonic() + max(REFRESH_S, 10 * took)

    def _refresh(self, out: Path) -> bool:
        """Whether the trace is the one shown; then it is read again."""
        shown = self._session.state.trace
        if shown is None or shown.path != out:
            return False
        try:
            self._session.refresh()
        except TraceError as error:
            log.warning("%s", error)
        return True
