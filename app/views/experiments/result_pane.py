"""What one experiment found: the sentence, its figure, its points, what limits it, and the masks behind the points."""

from collections import Counter
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QWidget

from app.state.experiment_state import ExperimentRun
from app.views.experiments.figures import POINT_STYLES, caption_of, chart_of, data_of, members_of, point_table
from app.widgets.eliding_label import ElidingLabel
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from app.widgets.figures.table_figure import TableFigure
from app.widgets.parts import button, in_column, in_row, named
from app.widgets.plots.interval_chart import IntervalPlot
from app.widgets.tables.view import ArrayTableView
from moe_core.experiments.result import ExperimentPoint, ResultDetail
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import count, counted

LEADING = ("number", "delta", "delta_ci", "p", "accuracy")
_FIGURE_HEIGHT, _TABLE_HEIGHT = 240, 150
_NOTHING_YET = "What the experiment finds stands here: a sentence, a figure, and every point with its interval."
_KEY = "bars are 95 % intervals, a grey band is the range of random draws"


class ResultPane(QWidget):
    """Shows one run. `mask_wanted` carries the Intervention of the chosen point, and so does `export_wanted`;
    `going_on_wanted` carries the run shown.
    """

    mask_wanted = Signal(object)
    export_wanted = Signal(object)
    going_on_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._run: ExperimentRun | None = None
        self._point: int | None = None
        self._trace: Path | None = None
        self.finding = named(plain_text(), "What the experiment found")
        font = self.finding.font()
        font.setPointSizeF(font.pointSizeF() * 1.08)
        self.finding.setFont(font)
        self.plot = IntervalPlot()
        self.figure = Figure(self.plot, "Experiment")
        self.figure.addActions(self.plot.actions())
        self._figure_pane = FigurePane(self.figure)
        self.shown_figure = ElidingComboBox()
        self.shown_figure.setAccessibleName("Figure of the experiment")
        self.shown_figure.setMinimumContentsLength(14)
        self.shown_figure.setToolTip("Which of the experiment's figures is shown")
        self._figure_pane.add_control(self.shown_figure)
        self.table = named(ArrayTableView(POINT_STYLES, elastic="point", leading=LEADING), "Points of the experiment")
        self._table_figure = TableFigure(self.table, "Points of the experiment", ("Copy name of the point", "point"))
        choose = "Choose a point in the figure or the table first"
        self.use, self.export = button("&Use this mask", choose), button("Export smaller model…", choose)
        self.go_on = button("Go on", "Ask what is missing, with the options that it was begun with")
        self._chosen = ElidingLabel()
        self.caveats = named(plain_text(), "What limits the finding")
        self.caveats.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._lay_out()
        self.plot.point_chosen.connect(self._on_plot_point)
        self.table.row_chosen.connect(self.choose_point)
        self.table.sort_changed.connect(self._draw)
        self.table.doubleClicked.connect(self._on_use)
        self.shown_figure.activated.connect(self._draw)
        self.use.clicked.connect(self._on_use)
        self.export.clicked.connect(self._on_export)
        self.go_on.clicked.connect(self._on_go_on)

    @property
    def run(self) -> ExperimentRun | None:
        return self._run

    def show_run(self, run: ExperimentRun | None) -> None:
        """Show another run, or the same one with more points: then the chosen point stays."""
        if run is None or self._run is None or run.number != self._run.number:
            self._point = None
        self._run = run
        if self._point is None and run is not None and run.result is not None:
            self._point = run.result.chosen
        self._draw()

    def choose_point(self, point: int) -> None:
        """Mark one point in figure and table."""
        self._point = point
        self._draw()

    def set_trace(self, path: Path | None) -> None:
        """Say which trace is open: only its masks can be used."""
        self._trace = path
        self._draw_use()

    def _lay_out(self) -> None:
        """The figure first, since points come while there is no finding; a low dock scrolls."""
        self._figure_pane.setMinimumHeight(_FIGURE_HEIGHT)
        self._table_figure.setMinimumHeight(_TABLE_HEIGHT)
        row = in_row(None, self.use, self.export, (self._chosen, 1))
        column = in_column(self, (self._figure_pane, 3), self.finding, margins=(12, 4, 8, 8))
        column.addWidget(self.go_on, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._table_figure, 2)
        column.addLayout(row)
        column.addWidget(self.caveats)
        column.addStretch()  # takes the room while there is nothing but a sentence

    def _draw(self) -> None:
        run = self._run
        shown = self._figure_pane, self._table_figure, self.use, self.export, self._chosen, self.caveats
        for widget in shown:
            widget.setVisible(run is not None and not run.problem)
        self.go_on.setVisible(run is not None and run.goes_on is not None)
        self.finding.setForegroundRole(
            QPalette.ColorRole.PlaceholderText if run is None else QPalette.ColorRole.WindowText
        )
        self.finding.setText(_NOTHING_YET if run is None else _headline(run))
        if run is None or run.problem:
            return
        self.caveats.setText("\n".join(_small_print(run)))
        self.figure.title = run.experiment.title
        self._figure_pane.set_subtitle(_subtitle(run), caption_of(run))
        detail = self._chosen_detail(run)
        figure = chart_of(run) if detail is None else detail.figure
        self.plot.show_chart(figure, self._place_in_chart(run) if detail is None else None)
        data = data_of(run) if detail is None else FigureTable(detail.columns, detail.rows)
        self.figure.set_data(data, caption_of(run), figure)
        self._draw_table(run)
        self._draw_use()

    def _chosen_detail(self, run: ExperimentRun) -> ResultDetail | None:
        """What stands beside the points, where that is to be shown; the list of figures follows the run."""
        details = run.result.details if run.result else ()
        titles = ["By point", *(detail.figure.title for detail in details)]
        if [self.shown_figure.itemText(at) for at in range(self.shown_figure.count())] != titles:
            self.shown_figure.clear()
            self.shown_figure.addItems(titles)
        self.shown_figure.setVisible(bool(details))
        at = self.shown_figure.currentIndex()
        return details[at - 1] if at > 0 else None

    def _draw_table(self, run: ExperimentRun) -> None:
        table, every = point_table(run), np.arange(len(run.points))
        order = table.sorted_rows(every, self.table.sort_column, descending=self.table.is_descending)
        self.table.show_rows(table, order)
        self.table.show_current(self._point)
        self._table_figure.set_data(self.table.shown_data(), caption_of(run))

    def _draw_use(self) -> None:
        point, problem = self._chosen_point(), ""
        if point is None:
            problem = "Choose a point in the figure or the table first"
        elif self._run is not None and self._trace != self._run.path:
            problem = "This point belongs to another trace than the one that is open"
        elif point.intervention.is_empty():
            problem = "This point is the baseline: it acts on no expert"
        elif point.intervention.noise is not None:
            problem = "This point adds noise: there is no mask to use"
        self.use.setEnabled(not problem)
        self.use.setToolTip(problem or "Put the mask of this point into the editor of What if; undo takes it back")
        self._chosen.set_text(problem if point is None else point.intervention.name or problem)
        if point is not None and not problem:
            problem = _no_pruning(point)
        self.export.setEnabled(not problem)
        self.export.setToolTip(problem or "Write the checkpoint without these experts, which transformers loads")

    def _chosen_point(self) -> ExperimentPoint | None:
        points = () if self._run is None else self._run.points  # none where the run has a problem
        return points[self._point] if self._point is not None and self._point < len(points) else None

    def _place_in_chart(self, run: ExperimentRun) -> tuple[int, int] | None:
        for series, points in enumerate(members_of(run)):
            for point, members in enumerate(points):
                if self._point in members:
                    return series, point
        return None

    def _on_plot_point(self, series: int, point: int) -> None:
        if self._run is not None and self._chosen_detail(self._run) is None:
            self.choose_point(members_of(self._run)[series][point][0])

    def _on_go_on(self) -> None:
        self.going_on_wanted.emit(self._run)

    def _on_use(self) -> None:
        if (point := self._chosen_point()) is not None and self.use.isEnabled():
            self.mask_wanted.emit(point.intervention)

    def _on_export(self) -> None:
        if (point := self._chosen_point()) is not None and self.export.isEnabled():
            self.export_wanted.emit(point.intervention)


def _no_pruning(point: ExperimentPoint) -> str:
    """Why no smaller checkpoint can be made of a point; empty where one can."""
    mask = point.intervention
    if mask.effect != "reroute" or mask.at_answer:
        return "Only re-routing equals pruning: this point drops or boosts experts, or acts at the answer alone"
    by_layer = Counter(layer for layer, _ in mask.reroute)
    return "A checkpoint has equally many experts in every layer" if len(set(by_layer.values())) > 1 else ""


def plain_text() -> QLabel:
    """A label of plain text that wraps and can be selected."""
    label = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label


def _headline(run: ExperimentRun) -> str:
    if run.problem:
        return f"{run.experiment.title}: {run.problem}"
    return run.result.finding if run.result else f"{run.experiment.title}: {counted(len(run.points), 'point')} so far."


def _subtitle(run: ExperimentRun) -> str:
    if run.result is None:
        return f"running; {_KEY}"
    found = run.result.baseline
    return f"baseline {found.text}, n = {count(found.n)}; {_KEY}"


def _small_print(run: ExperimentRun) -> list[str]:
    result, kept = run.result, [] if run.kept is None else [f"Its answers are kept in {run.kept.name}."]
    if result is None:
        return list(run.notices)
    caveats = [f"{result.setting}.", *(f"{caveat}." for caveat in result.caveats)]
    return [*caveats, *(notice for notice in run.notices if notice not in caveats), *kept]
