"""Analyses from the window: what an expert is compared by, and results that lie beside the trace already."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.content.atlas_request import result_of
from app.content.expert_facts import missing_facts, nearest_by_output, nearest_by_weight, output_norm
from app.views.expert.view import ExpertView
from app.window.main_window import MainWindow
from moe_core.analyses.kept.beside import result_paths
from moe_core.jobs.analyse import analyse
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.measures.question_filter import QuestionFilter
from tests.job_results import result_of as ended_with

CELL = (1, 25)


@pytest.fixture
def path(window: MainWindow, demo_path: Path, tmp_path: Path) -> Path:
    """A copy of the demo, open, with an expert selected."""
    copied = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    assert window.open_trace(copied)
    window.session.set(replace(window.session.state, experts=frozenset({CELL})))
    return copied


def test_the_nearest_experts_are_computed_once_and_read_from_then_on(
    window: MainWindow, path: Path, qtbot: QtBot
) -> None:
    """By weight, by output, and the norm; the bars lead to another expert; opened again, nothing is to be computed."""
    window.show_view("expert")
    view = window.views["expert"]
    assert isinstance(view, ExpertView)
    assert "Not computed" in view.nearest.by_weight.note.text()
    qtbot.mouseClick(view.nearest.compute, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not missing_facts(window.session.state))
    state = window.session.state
    assert not view.nearest.compute.isVisible()
    by_weight, by_output = nearest_by_weight(state, CELL), nearest_by_output(state, CELL)
    norm = output_norm(state, CELL)
    assert by_weight is not None
    assert by_output is not None
    assert norm is not None
    found = {key.analysis: result.found.values for key, result in state.atlas.results.items()}
    mean = np.mean([found["expert-neuron-mean-similarity"][key][CELL] for key in ("up", "gate", "down")], axis=0)
    mean[CELL[1]] = -2
    assert by_weight.experts[0] == mean.argmax()
    assert by_weight.similarity[0] == pytest.approx(mean.max())
    output = found["expert-output-similarity"]["similarity"][CELL].copy()
    output[CELL[1]] = -1
    assert by_output.experts[0] == output.argmax()
    assert by_output.lower[0] < by_output.similarity[0] < by_output.upper[0]
    assert norm.lower < norm.mean < norm.upper
    assert norm.rank == 1 + (found["norm-score-ranks"]["norm"][1] > norm.mean).sum()
    assert len(result_paths(path)) == 3
    view.nearest.by_weight.bars.chosen.emit(0, 0, False)
    assert window.session.state.experts == {(1, by_weight.experts[0])}
    window.session.close()
    window.session.set(replace(window.session.state, atlas=replace(state.atlas, results={})))
    assert window.open_trace(path)
    window.session.set(replace(window.session.state, experts=frozenset({CELL})))
    qtbot.waitUntil(lambda: not missing_facts(window.session.state))


def test_a_result_of_the_command_line_is_shown_without_computing(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    """It is found when the Atlas asks for just that; not where the weights behind it are others."""
    ended_with(analyse(AnalysisRequest("router-similarity", path)))
    state = window.session.state
    window.session.set(replace(state, atlas=replace(state.atlas, analysis="router-similarity")))
    qtbot.waitUntil(lambda: result_of(window.session.state) is not None)
    result = result_of(window.session.state)
    assert result is not None
    assert result.kept_in == str(result_paths(path)[0])
    assert not window.runner.is_busy
    with qtbot.waitSignal(window.runner.ended):
        window.session.request("compute_analysis")
    again = result_of(window.session.state)
    assert again is not None
    assert again.kept_in == ""


def test_another_selection_is_another_result(window: MainWindow, path: Path, qtbot: QtBot) -> None:
    """Outputs are compared on the questions that pass the filter."""
    before = {request.name: key for key, request in missing_facts(window.session.state)}
    window.session.set(replace(window.session.state, filter=QuestionFilter(subjects=("festivals",))))
    after = {request.name: key for key, request in missing_facts(window.session.state)}
    assert before["expert-neuron-mean-similarity"] == after["expert-neuron-mean-similarity"]
    assert before["expert-output-similarity"] != after["expert-output-similarity"]
