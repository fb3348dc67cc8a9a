"""Experiments from the window: runs one in the background, and keeps what this session's experiments found."""

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.running.job_runner import JobEnded, JobRunner
from app.state.session import Session
from moe_core.experiments.experiment import Experiment, ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, ExperimentResult, PointMade
from moe_core.jobs.events import Notice

NOTHING_KEPT = "nothing of it is kept"


@dataclass(frozen=True, eq=False)
class ExperimentRun:
    """One experiment on the trace at `path`: its points so far, and its result once it is done.

    `number` counts the session's runs from 1, cancelled ones among them.
    """

    number: int
    experiment: Experiment
    path: Path
    points: tuple[ExperimentPoint, ...] = ()
    result: ExperimentResult | None = None


class Experiments(QObject):
    """One at a time. `changed`: a point came, or a run began or ended; `finished` carries the JobEnded after that."""

    changed = Signal()
    finished = Signal(object)

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runner = runner
        self._n_started = 0
        self._current: ExperimentRun | None = None
        self._results: tuple[ExperimentRun, ...] = ()
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
    def results(self) -> tuple[ExperimentRun, ...]:
        """Every finished one of this session, the first one first."""
        return self._results

    def start(self, experiment: Experiment, request: ExperimentRequest) -> None:
        """Run it in the background; nothing else may be running."""
        self._n_started += 1
        self._current = ExperimentRun(self._n_started, experiment, request.baseline)
        self._runner.start(experiment.title, lambda engine: experiment.run(request, engine), kept=NOTHING_KEPT)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop after the batch in flight; an experiment that was stopped leaves nothing."""
        if self._current is not None:
            self._runner.cancel()

    def _on_noticed(self, notice: Notice) -> None:
        if self._current is not None and isinstance(notice, PointMade):
            self._current = replace(self._current, points=(*self._current.points, notice.point))
            self.changed.emit()

    def _on_ended(self, ended: JobEnded) -> None:
        run, self._current = self._current, None
        if run is None:
            return
        if ended.outcome == "done" and isinstance(ended.result, ExperimentResult):
            done = replace(run, points=ended.result.points, result=ended.result)
            self._results = (*self._results, done)
        self.changed.emit()
        self.finished.emit(ended)
