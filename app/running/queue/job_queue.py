"""The jobs that were asked for, one after the other: what waits, what runs, what goes first, and what came of them.

Jobs run in the order in which they were asked for, which a person may change. Those that need no model, such as a
report, run in a thread of their own beside the one that owns it. A live what-if, which runs by itself while the mask is
edited, goes before all others: what runs then steps aside, where it loses nothing and is of the same model, and goes on
when the mask has been left alone for a while.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.content.remedies import Say
from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.running.queue.job_file import JobFile
from app.running.queue.job_list import asks_same_model, moved, refusal, waiting_words, with_entry, with_new
from app.running.queue.queued_job import JobKind, QueuedJob, result_path
from app.state.job_state import JobEntry, JobStatus, MovedJob, entry_of, unfinished
from app.state.session import Session
from moe_core.commands.console.job_console import progress_text
from moe_core.jobs.events import Notice, Progress, Stage

QUIET_MS = 3_000
"""How long no live what-if must have run before what stepped aside for one goes on."""
_TELLING_S = 0.25
"""Progress is put into the state this often: everything that follows the state hears of it."""


class JobQueue(QObject):
    """Keeps `State.jobs`. `queued` carries a sentence where a job has to wait, `ended` a QueuedJob and its JobEnded."""

    queued = Signal(str)
    ended = Signal(object, object)

    def __init__(
        self, session: Session, runner: JobRunner, beside: JobRunner, file: JobFile, say: Say, parent: QObject
    ) -> None:
        """`beside` runs what needs no model."""
        super().__init__(parent)
        self._session = session
        self._runners = {True: runner, False: beside}
        self._file = file
        self._say = say
        self._n = 0
        self._jobs: dict[int, QueuedJob] = {}
        self._running: dict[bool, int] = {}
        self._becomes: dict[int, JobStatus] = {}
        self._told_s = 0.0
        self._is_closed = False
        self._quiet = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._quiet.timeout.connect(self._start_next)
        for needs_model, lane in self._runners.items():
            lane.noticed.connect(partial(self._on_noticed, needs_model))
            lane.progressed.connect(partial(self._on_progressed, needs_model))
            lane.ended.connect(partial(self._on_ended, needs_model))
        runner.started.connect(self._on_started)
        session.job_wanted.connect(self._on_wanted)

    @property
    def unfinished(self) -> tuple[JobEntry, ...]:
        """What runs, waits or is paused."""
        return unfinished(self._session.state.jobs)

    def job(self, number: int) -> QueuedJob | None:
        """What an entry is about."""
        return self._jobs.get(number)

    def add(self, job: QueuedJob) -> bool:
        """Put it at the end, a live one in front, start it where nothing runs; False where it is refused, and said."""
        for each in self.unfinished:
            if each.status is JobStatus.PAUSED and self._jobs[each.number].asks_like(job):
                self.go_on(each.number)  # which is what is meant
                return True
        if sentence := refusal(job, [self._jobs[entry.number] for entry in self.unfinished]):
            self._say(sentence, is_failure=False)
            return False
        if job.is_live:
            self._forget_waiting_live()
        number = self._take_in(job, JobStatus.WAITING)
        if job.is_live:
            self._make_room(job)
        self._start_next(just_asked=number)
        entry = entry_of(self._session.state.jobs, number)
        if entry is not None and entry.status is JobStatus.WAITING and not job.is_live:
            self.queued.emit(waiting_words(entry, self._session.state))
        return True

    def take_up(self, kinds: Iterable[JobKind]) -> int:
        """How many jobs were left over from before; they are in the list, paused."""
        jobs = self._file.take(kinds)
        for job in jobs:
            self._take_in(job, JobStatus.PAUSED)
        return len(jobs)

    def pause(self, number: int) -> None:
        """Let it rest: what runs stops after the step in flight, and what it has made is kept."""
        entry = entry_of(self._session.state.jobs, number)
        if entry is None:
            return
        if entry.status is JobStatus.WAITING:
            self._put(replace(entry, status=JobStatus.PAUSED))
        elif entry.status is JobStatus.RUNNING and entry.can_pause:
            self._stop(number, JobStatus.PAUSED, "paused")
        elif entry.status is JobStatus.RUNNING:
            self._say(f"{entry.title} cannot be paused, since {entry.kept}: cancel it, or let it end.")

    def go_on(self, number: int) -> None:
        """Have it wait for its turn: one that was paused in its place, one that ended otherwise at the end."""
        entry = entry_of(self._session.state.jobs, number)
        if entry is None or entry.status in (JobStatus.RUNNING, JobStatus.WAITING, JobStatus.DONE):
            return
        if entry.status.is_over:
            others = [self._jobs[each.number] for each in self.unfinished]
            if sentence := refusal(self._jobs[number], others):
                self._say(sentence, is_failure=False)
                return
        self._put(replace(entry, status=JobStatus.WAITING, progress="", problem="", share=None, eta_s=None))
        self._start_next()

    def go_on_with_all(self) -> None:
        """Have everything that is paused wait for its turn, and begin."""
        self._session.set(replace(self._session.state, holds_jobs=False))
        for entry in self.unfinished:
            self.go_on(entry.number)
        self._start_next()

    def hold(self) -> None:
        """Begin nothing for now; what runs steps aside where it loses nothing by that, else it goes on to its end."""
        self._session.set(replace(self._session.state, holds_jobs=True))
        for number in list(self._running.values()):
            if self._jobs[number].goes_on:
                self._stop(number, JobStatus.WAITING, "waiting")

    def cancel(self, number: int) -> None:
        """Stop it after the step in flight, or take it out of those that wait; it stays in the list."""
        entry = entry_of(self._session.state.jobs, number)
        if entry is None or entry.status.is_over:
            return
        if entry.status is JobStatus.RUNNING:
            self._stop(number, JobStatus.STOPPED, "stopped")
        else:
            self._put(replace(entry, status=JobStatus.STOPPED))

    def move(self, number: int, place: int) -> None:
        """Have it run as the one of this place among the unfinished ones, the first one that does not run at least."""
        self._set(moved(self._session.state.jobs, number, place))

    def clear(self) -> None:
        """Take what ended out of the list."""
        for entry in self._session.state.jobs:
            if entry.status.is_over:
                self._jobs.pop(entry.number, None)
        self._set(self.unfinished)

    def close(self) -> None:
        """Begin nothing more; what is not finished is kept for the next time."""
        self._is_closed = True
        self._quiet.stop()
        self._file.close()

    def _take_in(self, job: QueuedJob, status: JobStatus) -> int:
        self._n += 1
        self._jobs[self._n] = job
        entry = JobEntry(
            self._n,
            job.title,
            job.about,
            job.kept,
            job.trace,
            job.writes,
            status,
            can_pause=job.goes_on,
            is_live=job.is_live,
            view=job.view,
        )
        self._set(with_new(self._session.state.jobs, entry))
        if self._session.state.job is None and not job.is_live:
            self._session.set(replace(self._session.state, job=self._n))
        return self._n

    def _forget_waiting_live(self) -> None:
        """A newer mask takes the place of one that has not run yet."""
        state = self._session.state
        self._set(tuple(e for e in state.jobs if not (e.is_live and e.status is JobStatus.WAITING)))

    def _make_room(self, live: QueuedJob) -> None:
        running = self._jobs.get(self._running.get(True, 0))
        if running is not None and running.goes_on and not running.is_live and asks_same_model(running, live):
            self._stop(self._running[True], JobStatus.WAITING, "waiting")

    def _stop(self, number: int, becomes: JobStatus, word: str) -> None:
        self._becomes[number] = becomes
        self._runners[self._jobs[number].needs_model].cancel(word)

    def _start_next(self, just_asked: int = 0) -> None:
        for needs_model, runner in self._runners.items():
            if self._is_closed or self._session.state.holds_jobs or runner.is_busy:
                continue
            waiting = (entry for entry in self.unfinished if entry.status is JobStatus.WAITING)
            entry = next((e for e in waiting if self._jobs[e.number].needs_model == needs_model), None)
            if entry is None or (needs_model and self._quiet.isActive() and not entry.is_live):
                continue
            job = self._jobs[entry.number]
            self._running[needs_model] = entry.number
            self._put(replace(entry, status=JobStatus.RUNNING, progress="", share=None, eta_s=None))
            job.begin(entry.number == just_asked)
            runner.start(job.title, job.make, kept=job.kept, workers=job.workers)

    def _on_wanted(self, request: object) -> None:
        if isinstance(request, MovedJob):
            self.move(request.number, request.place)

    def _on_started(self, title: str) -> None:
        self._session.set(replace(self._session.state, running=title))

    def _on_noticed(self, needs_model: bool, notice: Notice) -> None:
        if (job := self._jobs.get(self._running.get(needs_model, 0))) is not None:
            job.noticed(notice)

    def _on_progressed(self, needs_model: bool, event: object) -> None:
        number = self._running.get(needs_model, 0)
        if number in self._jobs:
            self._jobs[number].progressed(event)
        entry = entry_of(self._session.state.jobs, number)
        if entry is None or time.monotonic() < self._told_s + _TELLING_S:
            return
        self._told_s = time.monotonic()
        if isinstance(event, Progress):
            share = min(event.done / max(event.total, 1), 1.0)
            entry = replace(entry, progress=progress_text(event), share=share, eta_s=event.eta_s)
        elif isinstance(event, Stage):
            entry = replace(entry, progress=event.text, share=None, eta_s=None)
        self._session.set(replace(self._session.state, jobs=with_entry(self._session.state.jobs, entry)))

    def _on_ended(self, needs_model: bool, ended: JobEnded) -> None:
        if needs_model:
            self._session.set(replace(self._session.state, running=""))
        number = self._running.pop(needs_model, 0)
        entry, job = entry_of(self._session.state.jobs, number), self._jobs.get(number)
        if entry is not None and job is not None:
            whole = replace(ended, seconds=entry.seconds + ended.seconds)  # and what it took before it was paused
            self._put(_ended_entry(entry, whole, self._becomes.pop(number, JobStatus.STOPPED)))
            self.ended.emit(job, whole)
            job.ended(ended)
            if job.is_live:
                self._quiet.start()
        if not self._is_closed:
            QTimer.singleShot(0, self, self._start_next)  # when everyone has heard how this one ended

    def _put(self, entry: JobEntry) -> None:
        self._set(with_entry(self._session.state.jobs, entry))

    def _set(self, jobs: tuple[JobEntry, ...]) -> None:
        state = self._session.state
        chosen = state.job if entry_of(jobs, state.job) else None
        self._session.set(replace(state, jobs=jobs, job=chosen))
        self._file.write(self._jobs[entry.number] for entry in unfinished(jobs))


def _ended_entry(entry: JobEntry, ended: JobEnded, becomes: JobStatus) -> JobEntry:
    entry = replace(entry, progress="", share=None, eta_s=None, seconds=ended.seconds)
    if ended.outcome == "done":
        return replace(entry, status=JobStatus.DONE, result=result_path(ended.result))
    if ended.outcome == "failed":
        return replace(entry, status=JobStatus.FAILED, problem=ended.sentence)
    return replace(entry, status=becomes)
