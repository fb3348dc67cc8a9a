"""Recording from the window: starts the job, lets the trace be looked at while it grows, says how it ended."""

import logging
import time

from PySide6.QtCore import QObject, Signal

from app.running.job_runner import JobEnded, JobRunner
from app.session import Session
from moe_core.errors import TraceError
from moe_core.jobs.events import Progress
from moe_core.jobs.record import RecordRequest, record

log = logging.getLogger(__name__)

REFRESH_S = 2.0
"""A growing trace is read again this often, or less often where that took more than a tenth of the time."""


class Recording(QObject):
    """One recording at a time. `finished` carries the JobEnded of a recording, after its trace is shown."""

    finished = Signal(object)

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runner = runner
        self._request: RecordRequest | None = None
        self._next_refresh_s = 0.0
        runner.progressed.connect(self._on_progressed)
        runner.ended.connect(self._on_ended)

    def start(self, request: RecordRequest) -> None:
        """Record, or resume what the same request began; nothing else may be running."""
        request.out.parent.mkdir(parents=True, exist_ok=True)
        self._request = request
        self._next_refresh_s = 0.0
        self._runner.start(f"Recording {request.out.name}", lambda engine: record(request, engine))

    def _on_progressed(self, event: object) -> None:
        if self._request is None or not isinstance(event, Progress) or event.unit != "questions" or not event.done:
            return
        if time.monotonic() >= self._next_refresh_s:
            self._show(self._request)

    def _on_ended(self, ended: JobEnded) -> None:
        if self._request is None:
            return
        request, self._request = self._request, None
        if ended.outcome == "failed":
            self._refresh(request)  # what was shown stays, with what it had got
        elif request.out.exists():
            self._show(request)
        self.finished.emit(ended)

    def _show(self, request: RecordRequest) -> None:
        started = time.monotonic()
        if not self._refresh(request) and self._next_refresh_s == 0.0:  # once: whoever opens another one stays there
            try:
                self._session.open(request.out)
            except TraceError as error:
                log.warning("%s", error)
        took = time.monotonic() - started
        self._next_refresh_s = time.monotonic() + max(REFRESH_S, 10 * took)

    def _refresh(self, request: RecordRequest) -> bool:
        """Whether the trace is the one shown; then it is read again."""
        shown = self._session.state.trace
        if shown is None or shown.path != request.out:
            return False
        try:
            self._session.refresh()
        except TraceError as error:
            log.warning("%s", error)
        return True
