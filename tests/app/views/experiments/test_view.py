"""Experiments from the window, on forty questions of the demo, with real clicks and keys."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.files.figures.formats import save_figure, svg_of
from app.state.what_if_state import SubsetKind
from app.views.experiments.choices import ExperimentChoices, cost_of
from app.views.experiments.figures import POINT_STYLES, chart_of, point_table
from app.views.experiments.result_pane import LEADING
from app.views.experiments.view import ExperimentsView
from app.widgets.tables.delegate import PADDING
from app.widgets.tables.view import ArrayTableView
from app.window.main_window import MainWindow
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.boost_best import BOOST_BEST
from moe_core.experiments.design import ExperimentOptions
from moe_core.experiments.never_used import NEVER_USED
from moe_core.experiments.pruning_curve import PRUNING_CURVE
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import PointMade
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import QuestionSelection
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.pages.experiment import experiment_page
from tests.app.box_answer import stop
from tests.app.test_accessibility import nameless, unexplained
from tests.app.window.remembered.test_trace_memories import opened
from tests.job_results import result_of


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty questions of the demo."""
    out = tmp_path_factory.mktemp("demo") / "forty.h5"
    request = RecordRequest(ModelRequest("demo", "cpu"), "demo", out, QuestionSelection(sample=40))
    return result_of(record(request)).path


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path) -> Path:
    """A copy, beside which nothing was run yet."""
    return Path(shutil.copy(recorded_once, tmp_path / "forty.h5"))


@pytest.fixture
def view(window: MainWindow, recorded: Path) -> ExperimentsView:
    """The view beside a window on that trace."""
    window.open_trace(recorded)
    window.session.request("experiment_never_used")
    made = window.views["experiments"]
    assert isinstance(made, ExperimentsView)
    return made


def run(qtbot: QtBot, window: MainWindow, view: ExperimentsView) -> None:
    """Press Run and wait for the end."""
    with qtbot.waitSignal(window.experiments.finished):
        qtbot.mouseClick(view.run_button, Qt.MouseButton.LeftButton)


def type_into(field: QLineEdit, text: str) -> None:
    """Replace what is in a field."""
    field.selectAll()
    field.insert(text)


def test_the_menu_offers_every_experiment(window: MainWindow, recorded: Path) -> None:
    """Without a trace none can be chosen; with one each brings the view to the front with its own options."""
    actions = [action for action in window.actions() if action.objectName().startswith("action-experiment_")]
    assert not any(action.isEnabled() for action in actions)
    window.open_trace(recorded)
    for action, experiment in zip(actions, EXPERIMENTS, strict=True):
        action.trigger()
        view = window.views["experiments"]
        assert isinstance(view, ExperimentsView)
        assert view.isVisible()
        assert view.experiment is experiment
        assert view.question.text() == experiment.question
        for name in ("scope", "factors", "best", "shares", "repeats", "keep", "loss", "step"):
            assert getattr(view.form, name).isVisible() == (name in experiment.reads)


def test_the_cost_follows_the_form(view: ExperimentsView, window: MainWindow) -> None:
    """Runs times questions before anything is run; what makes no sense is said and cannot be run."""
    assert view.cost.text() == "At most 3 runs of 40 questions: 120 answers."
    window.session.request("experiment_boost_best")
    assert view.cost.text() == "At most 18 runs of 20 questions: 360 answers."
    view.form.repeats.setValue(1)
    view.form.asks_baseline.setChecked(True)
    assert view.cost.text() == "At most 7 runs of 20 questions: 140 answers."
    type_into(view.form.factors, "1.2; x")
    assert "Factors are numbers" in view.cost.text()
    assert not view.run_button.isEnabled()
    type_into(view.form.factors, "1.2; 3")
    assert view.run_button.isEnabled()
    window.session.close()
    assert not view.cost.isVisible()


def test_every_subset_has_its_cost(window: MainWindow, recorded: Path) -> None:
    """All, what passes the filter, a sample; too few questions and a filter that nothing passes are said."""
    window.open_trace(recorded)
    state = window.session.state
    assert cost_of(state, BOOST_BEST, ExperimentChoices()).n_questions == 20
    sample = ExperimentChoices(SubsetKind.SAMPLE, sample=11)
    assert cost_of(state, PRUNING_CURVE, sample).n_questions == 6
    assert "at least 2" in cost_of(state, PRUNING_CURVE, ExperimentChoices(SubsetKind.SAMPLE, sample=1)).problem
    assert cost_of(state, NEVER_USED, ExperimentChoices(SubsetKind.SAMPLE, sample=1)).n_questions == 1
    window.session.set(state.__class__(trace=state.trace, filter=QuestionFilter(text="no such text")))
    chosen = ExperimentChoices(SubsetKind.SELECTION)
    assert "No recorded question passes" in cost_of(window.session.state, NEVER_USED, chosen).problem
    wrong = ExperimentChoices(shares="150")
    assert "between 0 and 1" in cost_of(state, PRUNING_CURVE, wrong).problem


def test_a_finding_its_figure_its_points_and_their_masks(
    view: ExperimentsView, window: MainWindow, qtbot: QtBot, tmp_path: Path, recorded: Path
) -> None:
    """What the window shows is what the experiment says by itself; a point's mask goes to the editor and back."""
    run(qtbot, window, view)
    assert view.pane.run is not None
    result = view.pane.run.result
    alone = result_of(NEVER_USED.run(ExperimentRequest(recorded, begins_anew=True)))
    assert result is not None
    assert result.points == alone.points
    assert view.pane.finding.text() == alone.finding
    assert view.results.count() == 1
    assert view.pane.caveats.text().startswith(alone.setting)
    assert [series.values[0] for series in view.pane.plot.chart.series] == [
        100 * point.change.delta for point in alone.points
    ]
    save_figure(view.pane.figure, tmp_path / "points.csv")
    rows = list(csv.DictReader((tmp_path / "points.csv").read_text("utf-8").splitlines()[1:]))
    assert [float(row["delta"]) for row in rows] == [point.change.delta for point in alone.points]
    assert b"never used at any prompt token" in svg_of(view.pane.figure)
    assert not view.pane.use.isEnabled()
    place = view.pane.plot.place_of((0, 0)).toPoint()
    qtbot.mouseClick(view.pane.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.pane.table.current_row == 0
    qtbot.mouseClick(view.pane.use, Qt.MouseButton.LeftButton)
    assert window.session.state.intervention == alone.points[0].intervention
    assert window.docks["what_if"].isVisible()
    window.session.undo_stack.undo()
    assert window.session.state.intervention.is_empty()
    view.pane.table.setFocus()
    qtbot.keyClick(view.pane.table, Qt.Key.Key_Down)
    assert view.pane.plot.selected == (1, 0)
    qtbot.keyClick(view.pane.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "never used at any prompt token" in QGuiApplication.clipboard().text()


def test_points_can_be_told_apart_in_a_narrow_pane(qtbot: QtBot) -> None:
    """Their names are whole, and what has no room stands beyond the edge."""
    table, name = ArrayTableView(POINT_STYLES, elastic="point", leading=LEADING), "by usage, 50.0 % (16 of 32)"
    qtbot.addWidget(table)
    table.resize(684, 150)
    table.show()
    assert table.horizontalHeader().sectionSize(1) >= table.fontMetrics().horizontalAdvance(name) + 2 * PADDING


def test_results_stay_and_points_come_while_it_runs(view: ExperimentsView, window: MainWindow, qtbot: QtBot) -> None:
    """A second experiment beside the first; its points are drawn as they come; the first is one click away."""
    run(qtbot, window, view)
    first = view.pane.run
    window.session.request("experiment_pruning_curve")
    type_into(view.form.shares, "0, 50")
    view.form.repeats.setValue(2)
    seen: list[int] = []
    window.experiments.changed.connect(lambda: seen.append(len(view.pane.run.points) if view.pane.run else 0))
    run(qtbot, window, view)
    assert set(range(1, 12)) <= set(seen)
    run_shown = view.pane.run
    assert run_shown is not None
    assert run_shown.result is not None
    chart = chart_of(run_shown)
    names = ["by effect", "by usage", "by gate weight", "by accuracy", "at random"]
    assert [series.name for series in chart.series] == names
    assert chart.series[0].x == (0.0, 50.0)
    assert chart.reference is not None
    assert chart.reference.value == 100 * run_shown.result.baseline.estimate
    assert inline_svg(chart) in experiment_page(run_shown.result)  # the page draws the same figure
    assert len(point_table(run_shown).is_faded) == len(run_shown.points) == 4 * 2 + 1 + 2
    assert view.results.count() == 2
    view.results.setFocus()
    qtbot.keyClick(view.results, Qt.Key.Key_Up)
    assert view.pane.run is first


def stop_after(
    view: ExperimentsView, window: MainWindow, qtbot: QtBot, n_points: int, hold_after: Callable[[type, int], None]
) -> tuple[str, str]:
    """Run, press Esc after so many points and Stop in the box that asks; what the box said, and the outcome."""
    hold_after(PointMade, n_points)

    def is_far_enough() -> bool:
        current = window.experiments.current
        return current is not None and len(current.points) >= n_points

    with qtbot.waitSignal(window.experiments.finished) as told:
        qtbot.mouseClick(view.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(is_far_enough)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        said = stop(window, qtbot)
    qtbot.waitUntil(lambda: not window.found_beside.is_looking)
    return said, told.args[0].outcome


def test_esc_asks_and_all_say_the_same_of_what_is_kept(
    view: ExperimentsView,
    window: MainWindow,
    qtbot: QtBot,
    recorded: Path,
    hold_after: Callable[[type, int], None],
) -> None:
    """The box, the status line, the view and the file; the same experiment goes on, and ends as if never stopped."""
    window.session.request("experiment_pruning_curve")
    type_into(view.form.shares, "25; 50")
    view.form.repeats.setValue(2)
    said, outcome = stop_after(view, window, qtbot, 2, hold_after)
    kept = "finished points are kept, and the same experiment goes on from them"
    assert said == f"Stop Pruning curve? It ends after the batch in flight; {kept}."
    assert outcome == "cancelled"
    qtbot.waitUntil(lambda: view.progress_text.whole_text == f"Stopped; {kept}")
    assert window.status_line.text == f"Pruning curve: stopped; {kept}"
    file = recorded.with_name("forty.pruning-curve-1.jsonl")
    n_done = len(file.read_text(encoding="utf-8").splitlines()) - 1
    assert n_done >= 1
    assert view.results.count() == 1
    assert view.results.item(0).text() == "1. Pruning curve, not finished"
    assert f"{n_done} of 12 runs are done" in view.pane.finding.text()
    assert not view.pane.figure.isVisible()
    type_into(view.form.shares, "30")  # it goes on with what it was begun with
    with qtbot.waitSignal(window.experiments.finished):
        qtbot.mouseClick(view.pane.go_on, Qt.MouseButton.LeftButton)
    assert view.results.count() == 1
    assert not view.pane.go_on.isVisible()
    shown = view.pane.run
    assert shown is not None
    assert shown.result is not None
    assert f"{n_done} of 12 runs were done before and are taken over from {file.name}." in view.pane.caveats.text()
    options = ExperimentOptions(shares=(0.25, 0.5), repeats=2)
    alone = result_of(PRUNING_CURVE.run(ExperimentRequest(recorded, options, begins_anew=True)))
    assert (shown.result.points, shown.result.finding) == (alone.points, alone.finding)


def test_the_next_window_shows_what_was_run(qtbot: QtBot, tmp_path: Path, recorded: Path) -> None:
    """Without a model; another trace shows its own; begun anew, it has a file of its own."""
    request = ExperimentRequest(recorded)
    found = result_of(NEVER_USED.run(request))
    with opened(tmp_path, qtbot) as window:
        window.open_trace(recorded)
        qtbot.waitUntil(lambda: not window.found_beside.is_looking)
        window.session.request("experiment_never_used")
        view = window.views["experiments"]
        assert isinstance(view, ExperimentsView)
        assert view.results.count() == 1
        assert view.pane.finding.text() == found.finding
        assert "forty.never-used-1.jsonl" in view.pane.caveats.text()
        view.pane.choose_point(0)
        assert view.pane.use.isEnabled()
        view.form.begins_anew.click()
        run(qtbot, window, view)
        assert not view.form.begins_anew.isChecked()
        assert view.results.count() == 2
        assert recorded.with_name("forty.never-used-2.jsonl").exists()
        (tmp_path / "elsewhere").mkdir()
        window.open_trace(Path(shutil.copy(recorded, tmp_path / "elsewhere" / "forty.h5")))
        assert view.results.count() == 0
        assert view.pane.run is None


def test_a_model_that_is_gone_is_said_in_the_view(
    window: MainWindow, view: ExperimentsView, trace_path: Path, qtbot: QtBot
) -> None:
    """The tiny trace's model is not on this machine: one sentence, and nothing is lost."""
    window.open_trace(trace_path)
    run(qtbot, window, view)
    assert view.results.count() == 0
    assert view.cost.text().startswith("⚠ ")
    assert "folder" in view.cost.text() or "model" in view.cost.text()


def test_another_trace_shows_its_own_experiments(
    view: ExperimentsView, window: MainWindow, qtbot: QtBot, recorded: Path, tmp_path: Path
) -> None:
    """A copy of the trace under another path is another trace; opened again, the mask can be used."""
    run(qtbot, window, view)
    first = view.pane.run
    view.pane.choose_point(0)
    assert view.pane.use.isEnabled()
    window.open_trace(Path(shutil.copy(recorded, tmp_path / "copy.h5")))
    assert not view.pane.use.isVisible()
    assert (view.pane.run, view.results.count()) == (None, 0)
    window.open_trace(recorded)
    assert view.pane.run is first
    view.pane.choose_point(0)
    assert view.pane.use.isEnabled()


def test_the_scope_of_the_form_is_that_of_the_request(view: ExperimentsView, window: MainWindow) -> None:
    """The usual one stands first and means the experiment's own."""
    window.session.request("experiment_pruning_curve")
    assert view.form.scope.itemText(0) == "prompt (usual)"
    assert view.form.choices.scope is None
    view.form.scope.setCurrentText("answer")
    assert view.form.choices.scope is Scope.ANSWER


def test_every_control_has_a_name_and_explains_itself(view: ExperimentsView, window: MainWindow, qtbot: QtBot) -> None:
    """With each experiment's options, and with a result."""
    run(qtbot, window, view)
    for experiment in EXPERIMENTS:
        window.session.request(f"experiment_{experiment.name.replace('-', '_')}")
        assert nameless(view) == ""
        assert unexplained(view) == ""


def test_a_run_does_not_take_away_what_is_looked_at(view: ExperimentsView, window: MainWindow, qtbot: QtBot) -> None:
    """A new run is shown when it begins; who goes back to an earlier one meanwhile stays there."""
    run(qtbot, window, view)
    first = view.pane.run

    def go_back() -> None:
        if window.experiments.current is not None and len(window.experiments.current.points) == 1:
            assert view.pane.run is not first
            view.results.setCurrentRow(0)

    window.experiments.changed.connect(go_back)
    view.form.begins_anew.click()
    run(qtbot, window, view)
    assert view.pane.run is first
    assert view.results.count() == 2


def test_pruning_to_a_size_ends_in_the_smaller_model(
    qtbot: QtBot, window: MainWindow, view: ExperimentsView, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The point that was found is chosen at once, and its checkpoint is written where one says."""
    window.session.request("experiment_prune_to")
    type_into(view.form.keep, "24")
    view.form.step.setValue(4)
    view.form.loss.setValue(99.0)
    run(qtbot, window, view)
    assert view.pane.run is not None
    assert view.pane.run.result is not None
    assert view.pane.run.result.chosen == 1
    assert view.pane.export.isEnabled()
    target = tmp_path / "smaller"
    monkeypatch.setattr("app.actions.what_if_menu.QFileDialog.getSaveFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(window.file_runner.ended):
        qtbot.mouseClick(view.pane.export, Qt.MouseButton.LeftButton)
    assert (target / "config.json").is_file()
    assert str(target) in window.message_bar.text
