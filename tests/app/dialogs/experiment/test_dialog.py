"""Experiments from the window, on forty questions of the demo, with real clicks and keys."""

import csv
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.dialogs.experiment.choices import ExperimentChoices, cost_of
from app.dialogs.experiment.dialog import ExperimentDialog
from app.dialogs.experiment.figures import chart_of, point_table
from app.files.figures.formats import save_figure, svg_of
from app.state.what_if_state import SubsetKind
from app.window.main_window import MainWindow
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.boost_best import BOOST_BEST
from moe_core.experiments.design import ExperimentOptions
from moe_core.experiments.never_used import NEVER_USED
from moe_core.experiments.pruning_curve import PRUNING_CURVE
from moe_core.experiments.request import ExperimentRequest
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import QuestionSelection
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.experiment_page import experiment_page
from tests.app.box_answer import stop
from tests.app.test_accessibility import nameless, unexplained
from tests.app.window.test_trace_memory_file import opened
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
def dialog(window: MainWindow, recorded: Path) -> ExperimentDialog:
    """The dialog beside a window on that trace."""
    window.open_trace(recorded)
    window.session.request("experiment_never_used")
    made = window.findChild(ExperimentDialog)
    assert isinstance(made, ExperimentDialog)
    return made


def run(qtbot: QtBot, window: MainWindow, dialog: ExperimentDialog) -> None:
    """Press Run and wait for the end."""
    with qtbot.waitSignal(window.experiments.finished):
        qtbot.mouseClick(dialog.run_button, Qt.MouseButton.LeftButton)


def type_into(field: QLineEdit, text: str) -> None:
    """Replace what is in a field."""
    field.selectAll()
    field.insert(text)


def test_the_menu_offers_every_experiment(window: MainWindow, recorded: Path) -> None:
    """Without a trace none can be chosen; with one each opens the dialog with its own options."""
    actions = [action for action in window.actions() if action.objectName().startswith("action-experiment_")]
    assert not any(action.isEnabled() for action in actions)
    window.open_trace(recorded)
    for action, experiment in zip(actions, EXPERIMENTS, strict=True):
        action.trigger()
        dialog = window.findChild(ExperimentDialog)
        assert isinstance(dialog, ExperimentDialog)
        assert dialog.isVisible()
        assert dialog.experiment is experiment
        assert dialog.question.text() == experiment.question
        for name in ("scope", "factors", "best", "shares", "repeats"):
            assert getattr(dialog.form, name).isVisible() == (name in experiment.reads)
    assert len(window.findChildren(ExperimentDialog)) == 1


def test_the_cost_follows_the_form(dialog: ExperimentDialog, window: MainWindow) -> None:
    """Runs times questions before anything is run; what makes no sense is said and cannot be run."""
    assert dialog.cost.text() == "At most 2 runs of 40 questions: 80 answers."
    window.session.request("experiment_boost_best")
    assert dialog.cost.text() == "At most 18 runs of 20 questions: 360 answers."
    dialog.form.repeats.setValue(1)
    dialog.form.asks_baseline.setChecked(True)
    assert dialog.cost.text() == "At most 7 runs of 20 questions: 140 answers."
    type_into(dialog.form.factors, "1.2; x")
    assert "Factors are numbers" in dialog.cost.text()
    assert not dialog.run_button.isEnabled()
    type_into(dialog.form.factors, "1.2; 3")
    assert dialog.run_button.isEnabled()
    window.session.close()
    assert "Open a trace" in dialog.cost.text()


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
    dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot, tmp_path: Path, recorded: Path
) -> None:
    """What the window shows is what the experiment says by itself; a point's mask goes to the editor and back."""
    run(qtbot, window, dialog)
    assert dialog.pane.run is not None
    result = dialog.pane.run.result
    alone = result_of(NEVER_USED.run(ExperimentRequest(recorded, begins_anew=True)))
    assert result is not None
    assert result.points == alone.points
    assert dialog.pane.finding.text() == alone.finding
    assert dialog.results.count() == 1
    assert dialog.pane.caveats.text().startswith(alone.setting)
    assert [series.values[0] for series in dialog.pane.plot.chart.series] == [
        100 * point.change.delta for point in alone.points
    ]
    save_figure(dialog.pane.figure, tmp_path / "points.csv")
    rows = list(csv.DictReader((tmp_path / "points.csv").read_text("utf-8").splitlines()[1:]))
    assert [float(row["delta"]) for row in rows] == [point.change.delta for point in alone.points]
    assert b"never used at any prompt token" in svg_of(dialog.pane.figure)
    assert not dialog.pane.use.isEnabled()
    place = dialog.pane.plot.place_of((0, 0)).toPoint()
    qtbot.mouseClick(dialog.pane.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert dialog.pane.table.current_row == 0
    qtbot.mouseClick(dialog.pane.use, Qt.MouseButton.LeftButton)
    assert window.session.state.intervention == alone.points[0].intervention
    assert window.docks["what_if"].isVisible()
    window.session.undo_stack.undo()
    assert window.session.state.intervention.is_empty()
    dialog.pane.table.setFocus()
    qtbot.keyClick(dialog.pane.table, Qt.Key.Key_Down)
    assert dialog.pane.plot.selected == (1, 0)
    dialog.pane.table.copy_selected()
    assert "never used at any prompt token" in QGuiApplication.clipboard().text()


def test_results_stay_and_points_come_while_it_runs(dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot) -> None:
    """A second experiment beside the first; its points are drawn as they come; the first is one click away."""
    run(qtbot, window, dialog)
    first = dialog.pane.run
    window.session.request("experiment_pruning_curve")
    type_into(dialog.form.shares, "0, 25, 50")
    dialog.form.repeats.setValue(2)
    seen: list[int] = []
    window.experiments.changed.connect(lambda: seen.append(len(dialog.pane.run.points) if dialog.pane.run else 0))
    run(qtbot, window, dialog)
    assert set(range(1, 18)) <= set(seen)
    run_shown = dialog.pane.run
    assert run_shown is not None
    assert run_shown.result is not None
    chart = chart_of(run_shown)
    names = ["by effect", "by usage", "by gate weight", "by accuracy", "at random"]
    assert [series.name for series in chart.series] == names
    assert chart.series[0].x == (0.0, 25.0, 50.0)
    assert chart.reference is not None
    assert chart.reference.value == 100 * run_shown.result.baseline.estimate
    assert inline_svg(chart) in experiment_page(run_shown.result)  # the page draws the same figure
    assert len(point_table(run_shown).is_faded) == len(run_shown.points) == 4 * 3 + 1 + 2 * 2
    assert dialog.results.count() == 2
    dialog.results.setFocus()
    qtbot.keyClick(dialog.results, Qt.Key.Key_Up)
    assert dialog.pane.run is first


def stop_after(dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot, n_points: int) -> tuple[str, str]:
    """Run, press Esc after so many points and Stop in the box that asks; what the box said, and the outcome."""

    def is_far_enough() -> bool:
        current = window.experiments.current
        return current is not None and len(current.points) >= n_points

    with qtbot.waitSignal(window.experiments.finished) as told:
        qtbot.mouseClick(dialog.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(is_far_enough)
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
        assert window.runner.is_busy
        assert not window.runner.is_stopping  # the dialog is closed, and the experiment goes on
        window.session.request("experiment_pruning_curve")
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        said = stop(window, qtbot)
    qtbot.waitUntil(lambda: not window.found_beside.is_looking)
    return said, told.args[0].outcome


def test_esc_asks_and_all_say_the_same_of_what_is_kept(
    dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot, recorded: Path
) -> None:
    """The box, the status line, the dialog and the file; the same experiment goes on, and ends as if never stopped."""
    window.session.request("experiment_pruning_curve")
    type_into(dialog.form.shares, "25; 50; 75")
    said, outcome = stop_after(dialog, window, qtbot, 2)
    kept = "finished points are kept, and the same experiment goes on from them"
    assert said == f"Stop Pruning curve? It ends after the batch in flight; {kept}."
    assert outcome == "cancelled"
    assert dialog.progress_text.whole_text == f"Stopped; {kept}"
    assert window.status_line.text == f"Pruning curve: stopped; {kept}"
    file = recorded.with_name("forty.pruning-curve-1.jsonl")
    n_done = len(file.read_text(encoding="utf-8").splitlines()) - 1
    assert n_done >= 1
    assert dialog.results.count() == 1
    assert dialog.results.item(0).text() == "1. Pruning curve, not finished"
    assert f"{n_done} of 27 runs are done" in dialog.pane.finding.text()
    assert not dialog.pane.figure.isVisible()
    type_into(dialog.form.shares, "30")  # it goes on with what it was begun with
    with qtbot.waitSignal(window.experiments.finished):
        qtbot.mouseClick(dialog.pane.go_on, Qt.MouseButton.LeftButton)
    assert dialog.results.count() == 1
    assert not dialog.pane.go_on.isVisible()
    shown = dialog.pane.run
    assert shown is not None
    assert shown.result is not None
    assert f"{n_done} of 27 runs were done before and are taken over from {file.name}." in dialog.pane.caveats.text()
    options = ExperimentOptions(shares=(0.25, 0.5, 0.75))
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
        dialog = window.findChild(ExperimentDialog)
        assert isinstance(dialog, ExperimentDialog)
        assert dialog.results.count() == 1
        assert dialog.pane.finding.text() == found.finding
        assert "forty.never-used-1.jsonl" in dialog.pane.caveats.text()
        dialog.pane.choose_point(0)
        assert dialog.pane.use.isEnabled()
        dialog.form.begins_anew.click()
        run(qtbot, window, dialog)
        assert not dialog.form.begins_anew.isChecked()
        assert dialog.results.count() == 2
        assert recorded.with_name("forty.never-used-2.jsonl").exists()
        (tmp_path / "elsewhere").mkdir()
        window.open_trace(Path(shutil.copy(recorded, tmp_path / "elsewhere" / "forty.h5")))
        assert dialog.results.count() == 0
        assert dialog.pane.run is None
        dialog.close()


def test_a_model_that_is_gone_is_said_in_the_dialog(
    window: MainWindow, dialog: ExperimentDialog, trace_path: Path, qtbot: QtBot
) -> None:
    """The tiny trace's model is not on this machine: one sentence, and nothing is lost."""
    window.open_trace(trace_path)
    run(qtbot, window, dialog)
    assert dialog.results.count() == 0
    assert dialog.cost.text().startswith("⚠ ")
    assert "folder" in dialog.cost.text() or "model" in dialog.cost.text()


def test_another_trace_shows_its_own_experiments(
    dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot, recorded: Path, tmp_path: Path
) -> None:
    """A copy of the trace under another path is another trace; opened again, the mask can be used."""
    run(qtbot, window, dialog)
    first = dialog.pane.run
    dialog.pane.choose_point(0)
    assert dialog.pane.use.isEnabled()
    window.open_trace(Path(shutil.copy(recorded, tmp_path / "copy.h5")))
    assert not dialog.pane.use.isVisible()
    assert (dialog.pane.run, dialog.results.count()) == (None, 0)
    window.open_trace(recorded)
    assert dialog.pane.run is first
    dialog.pane.choose_point(0)
    assert dialog.pane.use.isEnabled()


def test_the_scope_of_the_form_is_that_of_the_request(dialog: ExperimentDialog, window: MainWindow) -> None:
    """The usual one stands first and means the experiment's own."""
    window.session.request("experiment_pruning_curve")
    assert dialog.form.scope.itemText(0) == "prompt (usual)"
    assert dialog.form.choices.scope is None
    dialog.form.scope.setCurrentText("answer")
    assert dialog.form.choices.scope is Scope.ANSWER


def test_every_control_has_a_name_and_explains_itself(
    dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot
) -> None:
    """With each experiment's options, and with a result."""
    run(qtbot, window, dialog)
    for experiment in EXPERIMENTS:
        dialog.show_experiment(experiment.name)
        assert nameless(dialog) == ""
        assert unexplained(dialog) == ""


def test_a_run_does_not_take_away_what_is_looked_at(dialog: ExperimentDialog, window: MainWindow, qtbot: QtBot) -> None:
    """A new run is shown when it begins; who goes back to an earlier one meanwhile stays there."""
    run(qtbot, window, dialog)
    first = dialog.pane.run

    def go_back() -> None:
        if window.experiments.current is not None and len(window.experiments.current.points) == 1:
            assert dialog.pane.run is not first
            dialog.results.setCurrentRow(0)

    window.experiments.changed.connect(go_back)
    dialog.form.begins_anew.click()
    run(qtbot, window, dialog)
    assert dialog.pane.run is first
    assert dialog.results.count() == 2
