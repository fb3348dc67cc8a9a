"""A partial trace that another program records: shown as it grows, and the person is told who writes it."""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from app.content.remedies import Say
from app.running.job_runner import JobRunner
from app.running.recording import REFRESH_S
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from moe_core.errors import TraceError
from moe_core.numbers.formatting import count, counted
from moe_core.traces.lock import writer_of


class GrowingTrace(QObject):
    """Looks at the file of the trace shown every two seconds, as long as it is partial.

    Only while no job of this window runs: those look after their own traces.
    """

    def __init__(self, session: Session, runner: JobRunner, say: Say, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runner = runner
        self._say = say
        self._seen = 0
        self._has_news = False
        self._next_refresh_s = 0.0
        self._timer = QTimer(self, interval=round(1000 * REFRESH_S))
        self._timer.timeout.connect(self._look)
        session.changed.connect(self._on_changed)

    def _on_changed(self, before: State, after: State) -> None:
        if after.trace is before.trace:
            return
        if after.trace is None or after.trace.trace.complete:
            self._timer.stop()
            return
        self._seen, self._has_news, self._next_refresh_s = _version(after.trace.path), True, 0.0
        self._timer.start()
        QTimer.singleShot(0, self._look)  # when whoever opened it has said what it has to say

    def _look(self) -> None:
        shown = self._session.state.trace
        if shown is None or self._runner.is_busy:
            return
        if not shown.trace.has_its_name:
            self._timer.stop()
            self._say(f"{shown.path.name} was deleted, moved, replaced or cut short: what is shown grows no more.")
            return
        writer, version = writer_of(shown.path), _version(shown.path)
        before = self._session.state.writer
        if writer != before:
            self._session.set(replace(self._session.state, writer=writer))
            if writer:
                self._say(
                    f"{shown.path.name} is being recorded by {writer}: it is shown as it grows.", is_failure=False
                )
        was_followed = bool(before)
        has_ended = was_followed and not writer
        had_news, has_news = self._has_news, version != self._seen
        if has_ended or ((has_news or had_news) and time.monotonic() >= self._next_refresh_s):
            self._seen, self._has_news = version, has_news  # once more: a clock may tick too seldom for the last write
            if not self._refresh():
                return
        is_complete = shown.trace.complete
        if is_complete:
            self._timer.stop()
        if was_followed and (has_ended or is_complete):
            self._session.set(replace(self._session.state, writer=""))
            self._say(_end(shown, is_complete=is_complete), is_failure=False)

    def _refresh(self) -> bool:
        """Whether the file can still be read; once it cannot, it is left alone."""
        started = time.monotonic()
        try:
            self._session.refresh()
        except TraceError as error:
            self._timer.stop()
            self._say(error)
            return False
        self._next_refresh_s = time.monotonic() + 10 * (time.monotonic() - started)
        return True


def _end(shown: TraceData, *, is_complete: bool) -> str:
    name, trace = shown.path.name, shown.trace
    planned = counted(trace.n_questions, trace.item)
    if is_complete:
        return f"{name} is complete: {planned}."
    return f"{name} is not recorded any more: {count(int(trace.recorded.sum()))} of {planned} are there."


def _version(path: Path) -> int:
    """Changes with the file; 0 where it is gone."""
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
