"""What-ifs from the window: runs them and comparisons in the background, and puts what comes of them into the state."""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.content.job_words import about, subset_words
from app.content.mask_editing import experts_words, mask_title, problem_of
from app.content.remedies import Say, notice_sentence
from app.content.what_if_preview import subset_of
from app.running.job_thread import JobEnded
from app.running.queue.job_queue import JobQueue
from app.running.queue.queued_job import JobKind, QueuedJob
from app.running.queue.session_jobs import SessionJobs
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import WhatIf
from moe_core.comparison.comparison import Comparison, compare
from moe_core.comparison.control_distribution import ControlRequest
from moe_core.errors import MoeCoreError, Remedy
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.numbers.formatting import counted
from moe_core.traces.reader import open_trace

if TYPE_CHECKING:
    from moe_core.jobs.what_if import WhatIfRequest

AUTOMATIC_MS = 700
"""How long the mask has to stay as it is before it is run by itself."""


@dataclass(frozen=True)
class _Job:
    """What runs: a what-if, or (`request` None) a comparison of the trace shown with another one."""

    baseline: Path
    title: str
    request: "WhatIfRequest | None" = None
    other: Path | None = None
    is_live: bool = False


class WhatIfs(SessionJobs):
    """`finished` carries the JobEnded, after its what-if is shown; `say` tells what went wrong."""

    finished = Signal(object)

    def __init__(self, session: Session, queue: JobQueue, say: Say, parent: QObject | None = None) -> None:
        super().__init__(session, queue, say, parent)
        self._runs_live = False
        """While a live what-if runs the mask as it is by then is looked at when it ends."""
        self._tried = Intervention()
        self._notices: list[str] = []
        self._timer = QTimer(self, interval=AUTOMATIC_MS, singleShot=True)
        self._timer.timeout.connect(self._run_by_itself)
        session.changed.connect(self._on_changed)

    @property
    def is_waiting(self) -> bool:
        """Whether the mask will be run by itself, if it stays as it is."""
        return self._timer.isActive()

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        from moe_core.jobs.what_if import WhatIfRequest

        return (JobKind("what if", WhatIfRequest, lambda request: self._queued(_job_of(request))),)

    def run(self, *, is_live: bool = False) -> None:
        """Run the mask as the state says, when its turn comes; what cannot be run is said. `is_live`: by itself."""
        state = self._session.state
        if state.trace is None or state.intervention.is_empty():
            return
        try:
            request = request_of(state)
        except MoeCoreError as error:
            self._say(error, about="What if")
            return
        self._start(_job_of(request, is_live=is_live))

    def compare(self, path: Path) -> None:
        """Compare the trace shown with another one; unlike traces are refused with the difference named."""
        if (trace := self._session.state.trace) is not None:
            self._start(_Job(trace.path, f"{trace.path.name} and {path.name}", other=path))

    def _start(self, job: _Job) -> None:
        shown = self._session.state.trace
        self._tried = self._session.state.intervention
        if shown is not None and not shown.trace.has_its_name:  # its rows would be paired with those of another file
            self._say(_replaced(shown))
            return
        self._timer.stop()
        self._session.set(replace(self._session.state, mismatch=""))
        self._queue.add(self._queued(job))

    def _queued(self, job: _Job) -> QueuedJob:
        from moe_core.jobs.what_if import what_if

        def begin(at_once: bool) -> None:
            self._runs_live = job.is_live
            self._notices.clear()

        def ended(how: JobEnded) -> None:
            self._runs_live = False
            self._on_ended(job, how)

        if (request := job.request) is not None:
            return QueuedJob(
                f"What if: {job.title}",
                about(
                    *(experts_words(request.intervention), job.baseline.name),
                    *(subset_words(request.subset), _controls_words(request)),
                ),
                request,
                lambda engine: what_if(request, engine),
                job.baseline,
                kind="" if job.is_live else "what if",
                begin=begin,
                noticed=self._on_noticed,
                ended=ended,
                view="what_if",
                is_live=job.is_live,
                workers=self._session.state.workers,
            )
        assert job.other is not None
        paths = job.baseline, job.other
        return QueuedJob(
            f"Comparing {job.title}",
            about(*(path.name for path in paths)),
            paths,
            lambda engine: _comparing(*paths),
            job.baseline,
            begin=begin,
            ended=ended,
            view="what_if",
            kept="both traces stay as they are",
            goes_on=False,
        )

    def _on_noticed(self, notice: Notice) -> None:
        self._notices.append(notice_sentence(notice))

    def _on_ended(self, job: _Job, ended: JobEnded) -> None:
        if ended.outcome == "done":
            self._show(job, ended)
        elif Remedy.RERUN_BASELINE in ended.remedies:  # for which the What-if view has a button
            self._session.set(replace(self._session.state, mismatch=ended.error))
        if job.request is not None:  # its trace may be there as far as it got, whatever is shown
            self._session.files_changed.emit()
        self.finished.emit(ended)
        if self._is_awaited(self._session.state):
            self._timer.start()

    def _show(self, job: _Job, ended: JobEnded) -> None:
        trace = self._session.state.trace
        if trace is None or trace.path != job.baseline:  # another one was opened meanwhile
            if job.request is not None:
                self._say(f"“{job.title}” is done; its trace is {ended.result.path}.", is_failure=False)
            return
        if not trace.trace.has_its_name:
            self._say(_replaced(trace))
            return
        try:
            made = replace(_made(job, ended, trace), notices=tuple(self._notices))
            self._session.show_what_if(made, keeps=job.request is not None)
        except MoeCoreError as error:
            self._say(error)

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:  # its mask comes back with it: that is no edit, and runs nothing
            self._tried = after.intervention
        asked = [(state.intervention, state.rerun, state.trace) for state in (before, after)]
        if asked[0] == asked[1]:
            return
        if self._is_awaited(after) and not self._runs_live:
            self._timer.start()
        else:
            self._timer.stop()

    def _is_awaited(self, state: State) -> bool:
        """Whether the mask is to be run by itself, and has not been yet."""
        shown = state.what_if
        is_new = shown is None or replace(shown.intervention, name="") != replace(state.intervention, name="")
        return state.rerun.is_automatic and is_new and state.intervention != self._tried and can_run(state)

    def _run_by_itself(self) -> None:
        if self._is_awaited(self._session.state) and not self._runs_live:
            self.run(is_live=True)


def _replaced(trace: TraceData) -> str:
    return f"{trace.path.name} was deleted, moved or replaced since it was opened: open it again to compare with it."


def can_run(state: State) -> bool:
    """Whether there is a mask, and nothing against it."""
    if state.trace is None or state.intervention.is_empty():
        return False
    return not problem_of(state.intervention, state.trace.trace.specification.model)


def _job_of(request: "WhatIfRequest", *, is_live: bool = False) -> _Job:
    return _Job(request.baseline, mask_title(request.intervention), request=request, is_live=is_live)


def _controls_words(request: "WhatIfRequest") -> str:
    controls = counted(request.controls.n, "random mask") if request.controls.n else ""
    return about(controls, "the baseline asked again, too" if request.rerun_baseline else "")


def request_of(state: State) -> "WhatIfRequest":
    """What the state asks for; raises QuizError where its subset holds no question."""
    from moe_core.jobs.what_if import WhatIfRequest

    assert state.trace is not None
    return WhatIfRequest(
        baseline=state.trace.path,
        intervention=state.intervention,
        subset=subset_of(state),
        rerun_baseline=state.rerun.asks_baseline,
        controls=ControlRequest(state.rerun.controls, state.rerun.seed),
    )


def _made(job: _Job, ended: JobEnded, trace: TraceData) -> WhatIf:
    """The what-if of a job that is done; raises TraceError where its traces cannot be opened."""
    from moe_core.jobs.what_if import WhatIfResult

    result: Any = ended.result
    if isinstance(result, Comparison):
        assert job.other is not None
        return WhatIf(job.other.name, trace, TraceData(job.other), result, seconds=ended.seconds)
    assert isinstance(result, WhatIfResult)
    with ExitStack() as opened:
        after = TraceData(result.path)
        opened.callback(after.close)
        before = trace if result.baseline == trace.path else TraceData(result.baseline)
        opened.pop_all()
    return WhatIf(job.title, before, after, result.comparison, result.controls, result.seconds)


def _comparing(first: Path, second: Path) -> Generator[Event, None, Comparison]:
    yield Stage(f"Comparing {first.name} with {second.name}")
    with open_trace(first) as before, open_trace(second) as after:
        return compare(before, after)
