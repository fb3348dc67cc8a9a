"""The Experiments view: options and cost of an experiment, its points as they come, and what was found so far."""

from dataclasses import replace

from PySide6.QtCore import QPoint, QSignalBlocker, Qt
from PySide6.QtWidgets import QLabel, QListWidget, QWidget

from app.content.mask_editing import with_mask
from app.state.experiment_state import ExperimentRun
from app.state.job_state import JobEntry, JobStatus
from app.state.session import Session
from app.state.state import SELECTION, State
from app.view import View
from app.views.experiments.choices import cost_of, request_of
from app.views.experiments.form import ExperimentForm
from app.views.experiments.result_pane import ResultPane, plain_text
from app.widgets.eliding_label import ElidingLabel
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.fields.form_parts import Note
from app.widgets.layouts.halves import Halves
from app.widgets.parts import bold, button, in_column, in_row, named, pop_up, scrolling
from app.widgets.safe_text import as_tooltip
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.request import NamedRequest
from moe_core.interventions.intervention import Intervention
from moe_core.numbers.formatting import count, duration

_RESULT = 1
_NARROW = 560
"""A form and a figure need that much to stand beside each other, in pixels."""


class ExperimentsView(View):
    """What is typed stays in the form; all else is in the state."""

    name = "experiments"
    depends_on = SELECTION | {"experiments", "jobs", "rerun", "workers"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._experiment: Experiment | None = None
        self._make_controls()
        self.pane = ResultPane()
        self._lay_out()
        self._connect()

    @property
    def experiment(self) -> Experiment:
        """The one whose options are shown."""
        name = self.state.experiments.name
        return next((each for each in EXPERIMENTS if each.name == name), EXPERIMENTS[0])

    def draw(self, state: State) -> None:
        if state.trace is None:
            self.show_empty("Open a trace: an experiment asks its questions again.", "Open trace…", "open")
            return
        self.show_body()
        self._draw_experiment()
        self.form.workers.show_address(state.workers)
        self.pane.set_trace(state.trace.path)
        self.pane.show_run(state.experiments.shown)
        self._draw_runs(state)
        self._draw_cost()
        self._draw_progress(state)

    def _draw_experiment(self) -> None:
        if self._experiment is self.experiment:
            return
        self._experiment = self.experiment
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(EXPERIMENTS.index(self.experiment))
        self.question.setText(self.experiment.question)
        self.form.show_experiment(self.experiment)

    def _draw_runs(self, state: State) -> None:
        runs, shown = list(state.experiments.runs), state.experiments.shown
        with QSignalBlocker(self.results):
            self.results.clear()
            self.results.addItems([_run_title(number, run) for number, run in enumerate(runs, start=1)])
            for row, run in enumerate(runs):
                found = run.result.finding if run.result else run.problem or "Running"
                self.results.item(row).setToolTip(as_tooltip(found))
            if shown is not None:
                self.results.setCurrentRow(runs.index(shown))

    def _draw_cost(self) -> None:
        cost = cost_of(self.state, self.experiment, self.form.choices)
        entry = _job_of(self.state, self.experiment)
        failure = entry.problem if entry is not None else ""
        problem = cost.problem or failure
        self.cost.say(problem or f"{cost.text}.", is_problem=bool(problem))
        self.run_button.setEnabled(not cost.problem)
        waits = ", when its turn comes" if self.state.running else ""
        self.run_button.setToolTip(cost.problem or f"Run the experiment in the background{waits} (F8)")

    def _draw_progress(self, state: State) -> None:
        entry = _job_of(state, self.experiment)
        is_running = entry is not None and entry.status is JobStatus.RUNNING
        self.cancel_button.setEnabled(is_running)
        self.cancel_button.setToolTip("Stop after the batch in flight" + (f"; {entry.kept}" if entry else ""))
        self.progress_text.set_text("" if entry is None else _how_far(entry))
        self.progress_text.setVisible(entry is not None)

    def _make_controls(self) -> None:
        self.choice = named(ElidingComboBox(), "Experiment", "Which experiment to run")
        self.choice.addItems([experiment.title for experiment in EXPERIMENTS])
        self.question = plain_text()
        self.form = ExperimentForm()
        self.cost = Note()
        self.run_button = button("Run", "Run the experiment in the background (F8)")
        self.run_button.setObjectName("run-experiment")
        self.cancel_button = button("Cancel", "Stop after the batch in flight")
        self.progress_text = named(ElidingLabel(), "How far the experiment is, and how long it will take")
        self.results = QListWidget()
        self.results.setAccessibleName("Experiments on this trace")
        self.results.setToolTip("What was run on this trace, also before; choose one to look at it again")
        self.results.setMinimumHeight(64)

    def _lay_out(self) -> None:
        """What begins it stands above, where it is seen however low the dock is."""
        top = in_row(None, (self.choice, 1), self.run_button, self.cancel_button, margins=(8, 6, 8, 2), spacing=6)
        below = in_row(None, (self.cost, 3), (self.progress_text, 2), margins=(8, 0, 8, 4))
        halves = self._options(), scrolling(self.pane)
        self._halves = Halves(halves, ("Options", "Result"), narrow=_NARROW, shares=(2, 3))
        in_column(self.body, top, below, (self._halves, 1), spacing=0)

    def _options(self) -> QWidget:
        """The form over what was run before, scrolled where the dock is low."""
        left = QWidget()
        in_column(
            left, self.question, self.form, bold(QLabel("On this trace")), (self.results, 1), margins=(8, 4, 8, 8)
        )
        scroll = scrolling(left)
        scroll.setMinimumWidth(left.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width())
        return scroll

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(self._on_experiment)
        self.form.changed.connect(self._draw_cost)
        self.form.workers.chosen.connect(self._on_workers)
        self.run_button.clicked.connect(self._on_run)
        self.cancel_button.clicked.connect(self._on_cancel)
        self.results.currentRowChanged.connect(self._on_result_chosen)
        self.results.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.results.customContextMenuRequested.connect(self._on_menu_requested)
        self.pane.mask_wanted.connect(self._on_mask_wanted)
        self.pane.export_wanted.connect(self._on_export_wanted)
        self.pane.going_on_wanted.connect(self._on_going_on_wanted)

    def _on_workers(self, address: str) -> None:
        self.session.set(replace(self.state, workers=address))

    def _on_experiment(self, place: int) -> None:
        shown = replace(self.state.experiments, name=EXPERIMENTS[place].name)
        self.session.set(replace(self.state, experiments=shown))

    def _on_run(self) -> None:
        if self.state.trace is not None and self.run_button.isEnabled():
            request = request_of(self.state, self.form.choices)
            self.form.begins_anew.setChecked(False)  # once
            self.session.want_job(NamedRequest(self.experiment.name, request))
            self._halves.show_half(_RESULT)

    def _on_cancel(self) -> None:
        self.session.request("stop")

    def _on_result_chosen(self, row: int) -> None:
        runs = self.state.experiments.runs
        if 0 <= row < len(runs):
            shown = replace(self.state.experiments, number=runs[row].number)
            self.session.set(replace(self.state, experiments=shown))
            self._halves.show_half(_RESULT)

    def _on_menu_requested(self, place: QPoint) -> None:
        """What can be done with the figure of the run, which a click has chosen."""
        if self.results.currentItem() is not None:
            pop_up(self.pane.figure.menu(), self.results, place)

    def _on_going_on_wanted(self, run: ExperimentRun) -> None:
        if run.goes_on is not None:
            self.session.want_job(NamedRequest(run.experiment.name, run.goes_on))

    def _on_mask_wanted(self, mask: Intervention) -> None:
        self.session.set(with_mask(self.state, mask))
        self.session.request("view_what_if")

    def _on_export_wanted(self, mask: Intervention) -> None:
        self.session.set(with_mask(self.state, mask))
        self.session.request("export_pruned")


def _job_of(state: State, experiment: Experiment) -> JobEntry | None:
    """The job of this experiment on the trace shown that comes first in the list: what runs, then what ended last."""
    if state.trace is None:
        return None
    of = (each for each in state.jobs if (each.title, each.trace) == (experiment.title, state.trace.path))
    return next(of, None)


def _how_far(entry: JobEntry) -> str:
    match entry.status:
        case JobStatus.RUNNING:
            return entry.progress or "Begins …"
        case JobStatus.DONE:
            return f"Done in {duration(entry.seconds)}"
        case JobStatus.STOPPED:
            return f"Stopped; {entry.kept}"
        case JobStatus.FAILED:
            return ""
    return f"{str(entry.status).capitalize()}: Jobs lists it"


def _run_title(number: int, run: ExperimentRun) -> str:
    if run.result is not None:
        how_far = f"n = {count(run.result.baseline.n)}"
    elif run.problem:
        how_far = "not finished" if run.goes_on else "cannot be shown"
    else:
        how_far = "running"
    return f"{number}. {run.experiment.title}, {how_far}"
