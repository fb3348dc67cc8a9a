"""Runs the paper's experiments beside the window: options, cost, progress, and a list of what was found so far."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.content.mask_editing import with_mask
from app.dialogs.experiment.choices import cost_of, request_of
from app.dialogs.experiment.form import ExperimentForm
from app.dialogs.experiment.result_pane import ResultPane, plain_text
from app.dialogs.form_parts import Note
from app.running.experiments import POINTS_KEPT, ExperimentRun, Experiments
from app.running.job_runner import JobEnded
from app.state.session import Session
from app.state.state import State
from app.widgets.eliding_label import ElidingLabel
from app.widgets.parts import bold
from app.widgets.safe_text import as_tooltip
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.experiment import Experiment
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Progress, Stage
from moe_core.numbers.formatting import count

_LEFT_WIDTH = 312
_SIZE, _ROOM_AROUND = QSize(1280, 820), QSize(80, 80)


class ExperimentDialog(QDialog):
    """Stands beside the window. `mask_taken`: a point's mask is the one that is edited now."""

    mask_taken = Signal()

    def __init__(self, session: Session, experiments: Experiments, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Experiments")
        self.setModal(False)
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - _ROOM_AROUND))
        self._session = session
        self._experiments = experiments
        self._followed = 0
        self._make_controls()
        self.pane = ResultPane()
        self._lay_out()
        self._connect()
        self._on_experiment()
        self._draw_runs()

    @property
    def experiment(self) -> Experiment:
        """The one whose options are shown."""
        return EXPERIMENTS[self.choice.currentIndex()]

    def show_experiment(self, name: str) -> None:
        """Bring the dialog to the front with this experiment's options."""
        self.choice.setCurrentIndex([experiment.name for experiment in EXPERIMENTS].index(name))
        self.show()
        self.raise_()
        self.activateWindow()
        self._draw_runs()
        self._on_state()

    def _make_controls(self) -> None:
        self.choice = QComboBox()
        self.choice.addItems([experiment.title for experiment in EXPERIMENTS])
        self.choice.setAccessibleName("Experiment")
        self.choice.setToolTip("Which experiment to run")
        self.question = plain_text()
        self.form = ExperimentForm()
        self.cost = Note(2)
        self.run_button = _button("&Run")
        self.cancel_button = _button("&Cancel")
        self.cancel_button.setToolTip(f"Stop after the batch in flight; {POINTS_KEPT}")
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress of the experiment")
        self.progress.setTextVisible(False)
        keeps = self.progress.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(keeps)
        self.progress.hide()
        self.progress_text = ElidingLabel()
        self.progress_text.setAccessibleName("What runs, how far it is, and how long it will take")
        self.results = QListWidget()
        self.results.setAccessibleName("Experiments on this trace")
        self.results.setToolTip("What was run on this trace, also before; choose one to look at it again")
        self.results.setMinimumHeight(64)

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(8, 8, 8, 8)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch()
        for widget in (self.choice, self.question, self.form, self.cost):
            column.addWidget(widget)
        column.addLayout(buttons)
        column.addWidget(self.progress)
        column.addWidget(self.progress_text)
        column.addWidget(bold(QLabel("On this trace")))
        column.addWidget(self.results, 1)
        scroll = QScrollArea()
        scroll.setWidget(left)
        scroll.setWidgetResizable(True)
        scroll.setFixedWidth(_LEFT_WIDTH)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.VLine)
        line.setForegroundRole(QPalette.ColorRole.Mid)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll)
        whole.addWidget(line)
        whole.addWidget(self.pane, 1)

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(self._on_experiment)
        self.form.changed.connect(self._draw_cost)
        self.run_button.clicked.connect(self._on_run)
        self.cancel_button.clicked.connect(self._experiments.cancel)
        self.results.currentRowChanged.connect(self._on_result_chosen)
        self.pane.mask_wanted.connect(self._on_mask_wanted)
        self.pane.going_on_wanted.connect(self._on_going_on_wanted)
        self._session.changed.connect(self._on_changed)
        self._experiments.changed.connect(self._draw_runs)
        self._experiments.finished.connect(self._on_finished)
        self._experiments.runner.progressed.connect(self._on_progressed)

    def _on_experiment(self) -> None:
        self.question.setText(self.experiment.question)
        self.form.show_experiment(self.experiment)

    def _on_changed(self, before: State, after: State) -> None:
        if self.isVisible():
            if before.trace is not after.trace:
                self._draw_runs()
            self._on_state()

    def _on_state(self) -> None:
        trace = self._session.state.trace
        self.pane.set_trace(None if trace is None else trace.path)
        self._draw_cost()

    def _on_run(self) -> None:
        state = self._session.state
        if state.trace is not None and not self._experiments.runner.is_busy:
            self._experiments.start(self.experiment, request_of(state, self.form.choices))
            self.form.begins_anew.setChecked(False)  # once

    def _on_result_chosen(self, row: int) -> None:
        runs = self._experiments.runs
        if 0 <= row < len(runs):
            self.pane.show_run(runs[row])

    def _on_going_on_wanted(self, run: ExperimentRun) -> None:
        if run.goes_on is not None and not self._experiments.runner.is_busy:
            self._experiments.start(run.experiment, run.goes_on)

    def _on_mask_wanted(self, mask: Intervention) -> None:
        self._session.set(with_mask(self._session.state, mask))
        self.mask_taken.emit()

    def _on_progressed(self, event: object) -> None:
        if self._experiments.current is None:
            return
        self.progress.show()
        if isinstance(event, Progress):
            self.progress.setRange(0, max(event.total, 1))
            self.progress.setValue(event.done)
            self.progress_text.set_text(_progress_text(event))
        elif isinstance(event, Stage):
            self.progress.setRange(0, 0)
            self.progress_text.set_text(event.text)

    def _on_finished(self, ended: JobEnded) -> None:
        self.progress.hide()
        said = {"done": f"Done in {ended.seconds:.1f} s", "cancelled": f"Stopped; {ended.kept}"}
        text = said.get(ended.outcome, ended.sentence)
        self.progress_text.set_text(text)
        if ended.outcome == "failed":
            self.cost.say(text, is_problem=True, more="\n".join(ended.notes))

    def _draw_runs(self) -> None:
        """The list; a run that begins is looked at, until the person looks at another one."""
        runs, shown, current = self._experiments.runs, self.pane.run, self._experiments.current
        if current is not None and current in runs and current.number > self._followed:
            self._followed = current.number
            shown = current
        else:
            same = (run for run in runs if shown is not None and run.number == shown.number)
            shown = next(same, runs[-1] if runs else None)
        self.pane.show_run(shown)
        with QSignalBlocker(self.results):
            self.results.clear()
            self.results.addItems([_run_title(number, run) for number, run in enumerate(runs, start=1)])
            for row, run in enumerate(runs):
                found = run.result.finding if run.result else run.problem or "Running"
                self.results.item(row).setToolTip(as_tooltip(found))
            if shown is not None:
                self.results.setCurrentRow(runs.index(shown))
        self._draw_cost()

    def _draw_cost(self) -> None:
        cost = cost_of(self._session.state, self.experiment, self.form.choices)
        runner = self._experiments.runner
        self.cost.say(cost.problem or f"{cost.text}.", is_problem=bool(cost.problem))
        self.run_button.setEnabled(not cost.problem and not runner.is_busy)
        busy = f"{runner.title} is still running"
        self.run_button.setToolTip(cost.problem or (busy if runner.is_busy else "Run the experiment in the background"))
        self.pane.go_on.setEnabled(not runner.is_busy)
        self.cancel_button.setEnabled(self._experiments.current is not None)


def _button(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    return button


def _run_title(number: int, run: ExperimentRun) -> str:
    if run.result is not None:
        how_far = f"n = {count(run.result.baseline.n)}"
    elif run.problem:
        how_far = "not finished" if run.goes_on else "cannot be shown"
    else:
        how_far = "running"
    return f"{number}. {run.experiment.title}, {how_far}"


def _progress_text(event: Progress) -> str:
    share = f"{count(event.done)} of {count(event.total)} answers"
    if event.eta_s is None or event.done >= event.total:
        return share
    minutes, seconds = divmod(round(event.eta_s), 60)
    return f"{share}, {minutes}:{seconds:02} left"
