"""Experiments from the window: runs one in the background, and knows what was run on the trace that is shown."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.content.job_words import about, subset_words
from app.content.remedies import Say, notice_sentence
from app.running.job_thread import JobEnded
from app.running.queue.job_queue import JobQueue
from app.running.queue.queued_job import JobKind, QueuedJob
from app.running.queue.session_jobs import SessionJobs
from app.state.experiment_state import ExperimentRun
from app.state.session import Session
from app.state.state import State
from moe_core.errors import ExperimentError
from moe_core.jobs.events import Notice

if TYPE_CHECKING:
    from moe_core.experiments.beside import KeptExperiment
    from moe_core.experiments.experiment import Experiment
    from moe_core.experiments.request import NamedRequest

POINTS_KEPT = "finished points are kept, and the same experiment goes on from them"
NOTHING_KEPT = "nothing of it is kept, since nothing can be written beside the trace"


class Experiments(SessionJobs):
    """`changed`: a point came, or a run began, ended or was found; `finished` carries the JobEnded."""

    changed = Signal()
    finished = Signal(object)

    def __init__(self, session: Session, queue: JobQueue, say: Say, parent: QObject | None = None) -> None:
        super().__init__(session, queue, say, parent)
        self._n_known = 0
        self._current: ExperimentRun | None = None
        self._runs: tuple[ExperimentRun, ...] = ()
        session.changed.connect(self._on_session_changed)
        session.job_wanted.connect(self._on_wanted)

    @property
    def current(self) -> ExperimentRun | None:
        return self._current

    @property
    def runs(self) -> tuple[ExperimentRun, ...]:
        """Those of the trace shown, the first one first, the one that runs last."""
        trace = self._session.state.trace
        every = (*self._runs, *([self._current] if self._current else []))
        return tuple(run for run in every if trace is not None and _is_of(run, trace.path, trace.fingerprint))

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        from moe_core.experiments.request import NamedRequest

        return (JobKind("experiment", NamedRequest, self._job),)

    def look_at(self, kept: Path | None) -> None:
        """Show the run whose answers are in this file, where there is one."""
        for run in self.runs if kept is not None else ():
            if run.kept == kept:
                self._publish(number=run.number)

    def _on_wanted(self, request: object) -> None:
        from moe_core.experiments.request import NamedRequest

        if isinstance(request, NamedRequest):
            self._queue.add(self._job(request))

    def _on_session_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            self._publish()

    def _tell(self) -> None:
        self._publish()
        self.changed.emit()

    def _publish(self, **changes: object) -> None:
        """Put what is known of the trace shown into the state."""
        state = self._session.state
        shown = replace(state.experiments, runs=self.runs, **changes)  # type: ignore[arg-type]  # names are its own
        self._session.set(replace(state, experiments=shown))

    def _job(self, named: "NamedRequest") -> QueuedJob:
        from moe_core.experiments import EXPERIMENTS

        experiment = next((each for each in EXPERIMENTS if each.name == named.experiment), None)
        if experiment is None:
            raise ExperimentError(f"There is no experiment {named.experiment}.")
        request = named.request
        can_keep = os.access(request.baseline.parent, os.W_OK)
        return QueuedJob(
            experiment.title,
            about(request.baseline.name, subset_words(request.subset), f"seed {request.options.seed}"),
            named,
            lambda engine: experiment.run(request, engine),
            request.baseline,
            kind="experiment",
            begin=partial(self._begin, experiment, request.baseline),
            noticed=self._on_noticed,
            ended=self._on_ended,
            view="experiments",
            kept=POINTS_KEPT if can_keep else NOTHING_KEPT,
            goes_on=can_keep,
            workers=self._session.state.workers,
        )

    def _begin(self, experiment: "Experiment", baseline: Path, at_once: bool) -> None:
        self._current = ExperimentRun(self._next_number(), experiment, baseline)
        if self._current in self.runs:  # it is looked at, until the person looks at another one
            self._publish(number=self._current.number)
        self._tell()

    def take(self, path: Path, found: "tuple[KeptExperiment, ...]") -> None:
        """Know what lies beside a trace, the last one first; what this session made of the same files stays."""
        others = tuple(run for run in self._runs if run.path != path or run.kept is None)
        known = {run.kept: run for run in self._runs if run.path == path}
        beside = []
        for each in reversed(found):
            run = known.get(each.path)
            if run is None or (run.result is None and run.problem != each.problem):
                run = self._run_of(each, path)
            if run.result is not None or not self._is_at(each.experiment, path):
                beside.append(run)
        if [*others, *beside] != list(self._runs):
            self._runs = (*others, *beside)
            self._tell()

    def _is_at(self, experiment: "Experiment", path: Path) -> bool:
        """Whether this very experiment runs on the trace, so that its file grows."""
        return self._current is not None and (self._current.experiment, self._current.path) == (experiment, path)

    def _run_of(self, kept: "KeptExperiment", path: Path) -> ExperimentRun:
        points = kept.result.points if kept.result else ()
        number = self._next_number()
        goes_on = kept.request if kept.is_unfinished else None
        result, problem = kept.result, kept.problem
        return ExperimentRun(number, kept.experiment, path, points, result, kept.path, problem, goes_on=goes_on)

    def _next_number(self) -> int:
        self._n_known += 1
        return self._n_known

    def _on_noticed(self, notice: Notice) -> None:
        from moe_core.experiments.result import PointMade

        assert self._current is not None
        if isinstance(notice, PointMade):
            self._current = replace(self._current, points=(*self._current.points, notice.point))
        else:
            self._current = replace(self._current, notices=(*self._current.notices, notice_sentence(notice)))
        self._tell()

    def _on_ended(self, ended: JobEnded) -> None:
        run, self._current = self._current, None
        if run is not None and ended.outcome == "done":
            result = ended.result
            done = replace(run, points=result.points, result=result, kept=result.kept)
            others = (each for each in self._runs if each.kept is None or each.kept != result.kept)
            self._runs = (*others, done)
        self._tell()
        self.finished.emit(ended)


def _is_of(run: ExperimentRun, path: Path, fingerprint: str) -> bool:
    """Whether the run is on this very trace: another recording may have taken the place of the one it was on."""
    return run.path == path and (run.result is None or run.result.specification.fingerprint == fingerprint)
