"""Experiments from the window: runs one in the background, and knows what was run on the trace that is shown."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.content.remedies import notice_sentence
from app.running.job_runner import JobEnded, JobRunner
from app.state.session import Session
from moe_core.experiments.beside import KeptExperiment
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, ExperimentResult, PointMade
from moe_core.jobs.events import Notice

POINTS_KEPT = "finished points are kept, and the same experiment goes on from them"
NOTHING_KEPT = "nothing of it is kept, since nothing can be written beside the trace"


@dataclass(frozen=True, eq=False)
class ExperimentRun:
    """One experiment on the trace at `path`: its points so far, and its result once it is done.

    `number` counts from 1, cancelled ones and those found beside traces among them. `kept` is the file with its
    answers, `problem` a sentence on why that gives no result, `notices` what the run had to say, a sentence each.
    `goes_on` is what to ask for where the file is not finished.
    """

    number: int
    experiment: Experiment
    path: Path
    points: tuple[ExperimentPoint, ...] = ()
    result: ExperimentResult | None = None
    kept: Path | None = None
    problem: str = ""
    notices: tuple[str, ...] = ()
    goes_on: ExperimentRequest | None = None


class Experiments(QObject):
    """One at a time. `changed`: a point came, or a run began, ended or was found; `finished` carries the JobEnded."""

    changed = Signal()
    finished = Signal(object)

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runner = runner
        self._n_known = 0
        self._current: ExperimentRun | None = None
        self._runs: tuple[ExperimentRun, ...] = ()
        runner.noticed.connect(self._on_noticed)
        runner.ended.connect(self._on_ended)

    @property
    def runner(self) -> JobRunner:
        """What runs it."""
        return self._runner

    @property
    def current(self) -> ExperimentRun | None:
        """The one that runs."""
        return self._current

    @property
    def runs(self) -> tuple[ExperimentRun, ...]:
        """Those of the trace shown, the first one first, the one that runs last."""
        trace = self._session.state.trace
        every = (*self._runs, *([self._current] if self._current else []))
        return tuple(run for run in every if trace is not None and _is_of(run, trace.path, trace.fingerprint))

    def start(self, experiment: Experiment, request: ExperimentRequest) -> None:
        """Run it in the background; nothing else may be running."""
        self._current = ExperimentRun(self._next_number(), experiment, request.baseline)
        kept = POINTS_KEPT if os.access(request.baseline.parent, os.W_OK) else NOTHING_KEPT
        self._runner.start(experiment.title, lambda engine: experiment.run(request, engine), kept=kept)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop after the batch in flight; the points that are finished are kept."""
        if self._current is not None:
            self._runner.cancel()

    def take(self, path: Path, found: tuple[KeptExperiment, ...]) -> None:
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
            self.changed.emit()

    def _is_at(self, experiment: Experiment, path: Path) -> bool:
        """Whether this very experiment runs on the trace, so that its file grows."""
        return self._current is not None and (self._current.experiment, self._current.path) == (experiment, path)

    def _run_of(self, kept: KeptExperiment, path: Path) -> ExperimentRun:
        points = kept.result.points if kept.result else ()
        number = self._next_number()
        goes_on = kept.request if kept.is_unfinished else None
        result, problem = kept.result, kept.problem
        return ExperimentRun(number, kept.experiment, path, points, result, kept.path, problem, goes_on=goes_on)

    def _next_number(self) -> int:
        self._n_known += 1
        return self._n_known

    def _on_noticed(self, notice: Notice) -> None:
        if self._current is None:
            return
        if isinstance(notice, PointMade):
            self._current = replace(self._current, points=(*self._current.points, notice.point))
        else:
            self._current = replace(self._current, notices=(*self._current.notices, notice_sentence(notice)))
        self.changed.emit()

    def _on_ended(self, ended: JobEnded) -> None:
        run, self._current = self._current, None
        if run is None:
            return
        if ended.outcome == "done" and isinstance(ended.result, ExperimentResult):
            result = ended.result
            done = replace(run, points=result.points, result=result, kept=result.kept)
            others = (each for each in self._runs if each.kept is None or each.kept != result.kept)
            self._runs = (*others, done)
        self.changed.emit()
        self.finished.emit(ended)


def _is_of(run: ExperimentRun, path: Path, fingerprint: str) -> bool:
    """Whether the run is on this very trace: another recording may have taken the place of the one it was on."""
    return run.path == path and (run.result is None or run.result.specification.fingerprint == fingerprint)
