"""Recording from the window: starts the job, lets the trace be looked at while it grows, says how it ended."""

import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from app.content.job_words import about, recording_words
from app.content.mask_editing import experts_words, mask_title
from app.running.job_thread import JobEnded, MakeJob
from app.running.queue.queued_job import JobKind, QueuedJob
from app.running.queue.session_jobs import SessionJobs
from app.state.job_state import unfinished
from app.state.state import State
from moe_core.errors import TraceError
from moe_core.jobs.events import Progress

if TYPE_CHECKING:
    from moe_core.jobs.record import RecordRequest
    from moe_core.jobs.resume import ResumeRequest

log = logging.getLogger(__name__)

REFRESH_S = 2.0
"""A growing trace is read again this often, or less often where that took more than a tenth of the time."""


def can_resume(state: State) -> bool:
    """Whether the trace shown lacks questions, and nobody asks them already or will, here or elsewhere."""
    if state.trace is None or state.writer or state.trace.trace.complete:
        return False
    return not any(entry.writes == state.trace.path for entry in unfinished(state.jobs))


class Recording(SessionJobs):
    """One recording at a time. `finished` carries the JobEnded of a recording, after its trace is shown."""

    finished = Signal(object)

    _is_shown = False
    _next_refresh_s = 0.0

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        from moe_core.jobs.record import RecordRequest
        from moe_core.jobs.resume import ResumeRequest

        return (
            JobKind("recording", RecordRequest, self._recording),
            JobKind("resumed recording", ResumeRequest, self._resumed),
        )

    def start(self, request: "RecordRequest") -> None:
        """Record, or resume what the same request began, when its turn comes."""
        self._queue.add(self._recording(request))

    def resume(self) -> None:
        """Go on with the trace shown, whatever began it, when its turn comes."""
        from moe_core.jobs.resume import ResumeRequest

        if (shown := self._session.state.trace) is not None:
            self._queue.add(self._resumed(ResumeRequest(shown.path)))

    def _recording(self, request: "RecordRequest") -> QueuedJob:
        from moe_core.jobs.record import record

        mask = request.intervention
        done = "" if mask.is_empty() else about(mask_title(mask), experts_words(mask))
        words = recording_words(request, done)
        return self._job("recording", words, request.out, request, lambda engine: record(request, engine))

    def _resumed(self, request: "ResumeRequest") -> QueuedJob:
        from moe_core.jobs.resume import resume

        words = "what it lacks"
        return self._job("resumed recording", words, request.trace, request, lambda engine: resume(request, engine))

    def _job(self, kind: str, words: str, out: Path, request: object, make: MakeJob) -> QueuedJob:
        return QueuedJob(
            f"Recording {out.name}",
            words,
            request,
            make,
            out,
            kind=kind,
            begin=self._begin,
            progressed=partial(self._on_progressed, out),
            ended=partial(self._on_ended, out),
            view="questions",
            writes=out,
            workers=self._session.state.workers,
        )

    def _begin(self, at_once: bool) -> None:
        """What had to wait does not take the place of what is looked at by then."""
        self._is_shown = not (at_once or self._session.state.trace is None)
        self._next_refresh_s = 0.0

    def _on_progressed(self, out: Path, event: object) -> None:
        # Of workers that load, too, before there is a file.
        has_begun = isinstance(event, Progress) and event.done and time.monotonic() >= self._next_refresh_s
        if has_begun and os.path.exists(out):
            self._show(out)

    def _on_ended(self, out: Path, ended: JobEnded) -> None:
        if ended.outcome == "failed":
            self._refresh(out)  # what was shown stays, with what it had got
        elif os.path.exists(out):
            self._show(out)
        self._session.files_changed.emit()  # whatever is shown
        self.finished.emit(ended)

    def _show(self, out: Path) -> None:
        started = time.monotonic()
        if not self._refresh(out) and not self._is_shown:  # once: whoever opens another one stays there
            self._is_shown = True
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
