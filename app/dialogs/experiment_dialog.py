"""Runs the paper's experiments beside the window: options, cost, progress, the finding, its figure and its points."""

import numpy as np
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
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.experiment_form import ExperimentForm
from app.dialogs.form_parts import Note
from app.experiment_choices import cost_of, request_of
from app.experiment_figures import POINT_STYLES, caption_of, chart_of, data_of, members_of, point_table
from app.experiment_running import ExperimentRun, ExperimentRunning
from app.job_runner import JobEnded
from app.mask_editing import with_mask
from app.session import Session
from app.state import State
from app.widgets.array_table_view import ArrayTableView
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figure import Figure
from app.widgets.figure_pane import FigurePane
from app.widgets.interval_chart import IntervalPlot
from app.widgets.table_figure import TableFigure
from moe_core.errors import BaselineMismatchError
from moe_core.experiment import Experiment
from moe_core.experiments import EXPERIMENTS
from moe_core.jobs.events import Progress, Stage
from moe_core.number_text import count, percent_with_interval

_LEFT_WIDTH = 312
_SIZE = QSize(1280, 820)
_ROOM_AROUND = QSize(80, 80)
_LEADING = ("number", "delta", "delta_ci", "p", "accuracy", "accuracy_ci")
_NOTHING_YET = "What the experiment finds stands here: a sentence, a figure, and every point with its interval."
_MISMATCH = " Tick “Ask the baseline here too” to compare with that."


class ExperimentDialog(QDialog):
    """Stands beside the window. `mask_taken`: a point's mask is the one that is edited now."""

    mask_taken = Signal()

    def __init__(self, session: Session, running: ExperimentRunning, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Experiments")
        self.setModal(False)
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - _ROOM_AROUND))
        self._session = session
        self._running = running
        self._shown: ExperimentRun | None = None
        self._point: int | None = None
        self._make_controls()
        self._make_results()
        self._lay_out()
        self._connect()
        self._on_experiment()
        self._draw_runs()

    @property
    def experiment(self) -> Experiment:
        """The one whose options are shown."""
        return EXPERIMENTS[self.choice.currentIndex()]

    @property
    def shown(self) -> ExperimentRun | None:
        """What is looked at: the one that runs, or one that is done."""
        return self._shown

    def show_experiment(self, name: str) -> None:
        """Bring the dialog to the front with this experiment's options."""
        self.choice.setCurrentIndex([experiment.name for experiment in EXPERIMENTS].index(name))
        self.show()
        self.raise_()
        self.activateWindow()

    def choose_point(self, point: int) -> None:
        """Mark one point in figure and table."""
        self._point = point
        self._draw_shown()

    def use_mask(self) -> None:
        """Edit the mask of the chosen point in the window; undo takes it back."""
        run, state = self._shown, self._session.state
        if run is not None and self._point is not None and self.use.isEnabled():
            self._session.set(with_mask(state, run.points[self._point].intervention))
            self.mask_taken.emit()

    def _make_controls(self) -> None:
        self.choice = QComboBox()
        self.choice.addItems([experiment.title for experiment in EXPERIMENTS])
        self.choice.setAccessibleName("Experiment")
        self.choice.setToolTip("Which experiment to run")
        self.question = _text()
        self.form = ExperimentForm()
        self.cost = Note(2)
        self.run_button = QPushButton("&Run")
        self.run_button.setAutoDefault(False)
        self.cancel_button = QPushButton("&Cancel")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.setToolTip("Stop after the batch in flight; nothing of it is kept")
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
        self.results.setAccessibleName("Experiments of this session")
        self.results.setToolTip("What this session's experiments found; choose one to look at it again")
        self.results.setMinimumHeight(64)

    def _make_results(self) -> None:
        self.finding = _text()
        self.finding.setAccessibleName("What the experiment found")
        font = self.finding.font()
        font.setPointSizeF(font.pointSizeF() * 1.08)
        self.finding.setFont(font)
        self.plot = IntervalPlot()
        self.figure = Figure(self.plot, "Experiment")
        self.pane = FigurePane(self.figure)
        self.table = ArrayTableView(POINT_STYLES, elastic="point", leading=_LEADING)
        self.table.setAccessibleName("Points of the experiment")
        self.table_figure = TableFigure(self.table, "Points of the experiment", ("Copy name of the point", "point"))
        self.use = QPushButton("&Use this mask")
        self.use.setAutoDefault(False)
        self.chosen = ElidingLabel()
        self.caveats = _text()
        self.caveats.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.caveats.setAccessibleName("What limits the finding")

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
        column.addWidget(_heading("This session"))
        column.addWidget(self.results, 1)
        scroll = QScrollArea()
        scroll.setWidget(left)
        scroll.setWidgetResizable(True)
        scroll.setFixedWidth(_LEFT_WIDTH)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.VLine)
        line.setForegroundRole(QPalette.ColorRole.Mid)
        whole.addWidget(line)
        whole.addWidget(self._result_column(), 1)

    def _result_column(self) -> QWidget:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(12, 8, 8, 8)
        column.addWidget(self.finding)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.pane)
        parts.addWidget(self.table_figure)
        parts.setStretchFactor(0, 3)
        parts.setStretchFactor(1, 2)
        parts.setChildrenCollapsible(False)
        self.parts = parts
        column.addWidget(parts, 1)
        row = QHBoxLayout()
        row.addWidget(self.use)
        row.addWidget(self.chosen, 1)
        column.addLayout(row)
        column.addWidget(self.caveats)
        column.addStretch()  # takes the room while there is nothing but a sentence
        return right

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(self._on_experiment)
        self.form.changed.connect(self._draw_cost)
        self.run_button.clicked.connect(self._on_run)
        self.cancel_button.clicked.connect(self._running.cancel)
        self.results.currentRowChanged.connect(self._on_result_chosen)
        self.plot.point_chosen.connect(self._on_plot_point)
        self.table.row_chosen.connect(self.choose_point)
        self.table.sort_changed.connect(self._draw_shown)
        self.table.doubleClicked.connect(self.use_mask)
        self.use.clicked.connect(self.use_mask)
        self._session.changed.connect(self._on_state)
        self._running.changed.connect(self._draw_runs)
        self._running.finished.connect(self._on_finished)
        self._running.runner.progressed.connect(self._on_progressed)

    def _on_experiment(self) -> None:
        self.question.setText(self.experiment.question)
        self.form.show_experiment(self.experiment)

    def _on_state(self, before: State, after: State) -> None:
        if self.isVisible():
            self._draw_cost()
            self._draw_use()

    def _on_run(self) -> None:
        state = self._session.state
        if state.trace is not None and not self._running.runner.is_busy:
            self._running.start(self.experiment, request_of(state, self.form.choices))

    def _on_result_chosen(self, row: int) -> None:
        runs = self._runs()
        if 0 <= row < len(runs):
            self._show(runs[row])

    def _on_plot_point(self, series: int, point: int) -> None:
        if self._shown is not None:
            self.choose_point(members_of(self._shown)[series][point][0])

    def _on_progressed(self, event: object) -> None:
        if self._running.current is None:
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
        said = {"done": f"Done in {ended.seconds:.1f} s", "cancelled": "Cancelled: nothing of it is kept"}
        text = said.get(ended.outcome, ended.error)
        if ended.kind == BaselineMismatchError.__name__:
            text += _MISMATCH
        self.progress_text.set_text(text)
        if ended.outcome == "failed":
            self.cost.say(text, is_problem=True, more="\n".join(ended.notes))

    def _runs(self) -> list[ExperimentRun]:
        current = self._running.current
        return [*self._running.results, *([current] if current is not None else [])]

    def _draw_runs(self) -> None:
        """The list, the newest at its end looked at while it runs and when it is done."""
        runs = self._runs()
        with QSignalBlocker(self.results):
            self.results.clear()
            self.results.addItems([_run_title(number, run) for number, run in enumerate(runs, start=1)])
            for row, run in enumerate(runs):
                self.results.item(row).setToolTip(run.result.finding if run.result else "Running")
        is_gone = self._shown is None or self._shown not in runs
        if runs and (is_gone or self._running.current is not None):
            is_same = self._shown is not None and self._shown.experiment is runs[-1].experiment
            self._show(runs[-1], keeps_point=is_same and self._running.current is not None)
        elif not runs:
            self._show(None)
        if self._shown in runs:
            with QSignalBlocker(self.results):
                self.results.setCurrentRow(runs.index(self._shown))
        self._draw_cost()

    def _show(self, run: ExperimentRun | None, *, keeps_point: bool = False) -> None:
        self._shown = run
        self._point = self._point if keeps_point else None
        self._draw_shown()

    def _draw_shown(self) -> None:
        run = self._shown
        self.parts.setVisible(run is not None)
        for widget in (self.use, self.chosen, self.caveats):
            widget.setVisible(run is not None)
        if run is None:
            self.finding.setText(_NOTHING_YET)
            self.finding.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            return
        self.finding.setForegroundRole(QPalette.ColorRole.WindowText)
        result = run.result
        self.finding.setText(result.finding if result else f"{run.experiment.title}: {len(run.points)} points so far.")
        self.caveats.setText("\n".join(_small_print(run)))
        self.figure.title = run.experiment.title
        self.pane.set_subtitle(_subtitle(run), caption_of(run))
        self.plot.show_chart(chart_of(run), self._place_in_chart(run))
        self.figure.set_data(data_of(run), caption_of(run))
        table = point_table(run)
        order = table.sorted_rows(
            np.arange(len(run.points)), self.table.sort_column, descending=self.table.is_descending
        )
        self.table.show_rows(table, order)
        self.table.show_current(self._point)
        self.table_figure.set_data(self.table.shown_data(), caption_of(run))
        self._draw_use()

    def _place_in_chart(self, run: ExperimentRun) -> tuple[int, int] | None:
        for series, points in enumerate(members_of(run)):
            for point, members in enumerate(points):
                if self._point in members:
                    return series, point
        return None

    def _draw_use(self) -> None:
        run, trace = self._shown, self._session.state.trace
        point = run.points[self._point] if run is not None and self._point is not None else None
        why = "Put the mask of this point into the editor of What if; undo takes it back"
        if point is None:
            why = "Choose a point in the figure or the table first"
        elif trace is None or run is None or trace.path != run.path:
            why = "This point belongs to another trace than the one that is open"
        elif point.intervention.is_empty():
            why = "This point is the baseline: it acts on no expert"
        self.use.setEnabled(why.startswith("Put"))
        self.use.setToolTip(why)
        self.chosen.set_text(point.intervention.name if point is not None else why)

    def _draw_cost(self) -> None:
        cost = cost_of(self._session.state, self.experiment, self.form.choices)
        is_busy = self._running.runner.is_busy
        own = self._running.current is not None
        self.cost.say(cost.problem or f"{cost.text}.", is_problem=bool(cost.problem))
        self.run_button.setEnabled(not cost.problem and not is_busy)
        busy = f"{self._running.runner.title} is still running"
        self.run_button.setToolTip(cost.problem or (busy if is_busy else "Run the experiment in the background"))
        self.cancel_button.setEnabled(own)


def _text() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def _run_title(number: int, run: ExperimentRun) -> str:
    n = f", n = {count(run.result.baseline.n)}" if run.result else ", running"
    return f"{number}. {run.experiment.title}{n}"


def _subtitle(run: ExperimentRun) -> str:
    result = run.result
    if result is None:
        return "running: bars are 95 % intervals, a grey band is the range of random draws"
    found = result.baseline
    return (
        f"baseline {percent_with_interval(found.estimate, found.lower, found.upper)}, n = {count(found.n)}; bars are "
        "95 % intervals, a grey band the range of random draws"
    )


def _small_print(run: ExperimentRun) -> list[str]:
    result = run.result
    return [] if result is None else [f"{result.setting}.", *(f"{caveat}." for caveat in result.caveats)]


def _progress_text(event: Progress) -> str:
    share = f"{count(event.done)} of {count(event.total)} answers"
    if event.eta_s is None or event.done >= event.total:
        return share
    minutes, seconds = divmod(round(event.eta_s), 60)
    return f"{share}, {minutes}:{seconds:02} left"
