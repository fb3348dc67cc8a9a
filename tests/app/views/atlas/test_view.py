"""The Atlas view: what it computes, what it draws, and how it follows and leads the other views."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from app.content.atlas_request import request_of, result_of, why_not
from app.content.row_links import OFFERED
from app.state.atlas_state import AtlasKey, AtlasState
from app.state.state import State
from app.views.atlas.view import AtlasView
from app.window.main_window import MainWindow
from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.scope import Scope
from tests.app.context_menu import offered, right_click


@pytest.fixture
def shown(window: MainWindow, demo_path: Path, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """The window on a copy of the demo, its Atlas in front."""
    assert window.open_trace(Path(shutil.copy(demo_path, tmp_path / "demo.h5")))
    window.show_view("atlas")
    qtbot.waitUntil(lambda: window.views["atlas"].isVisible())
    return window


def view_of(window: MainWindow) -> AtlasView:
    """The window's own."""
    view = window.views["atlas"]
    assert isinstance(view, AtlasView)
    return view


def choose(window: MainWindow, name: str, **changes: object) -> None:
    """Have the Atlas show an analysis."""
    state = window.session.state
    window.session.set(replace(state, atlas=replace(state.atlas, analysis=name, key=""), **changes))  # type: ignore[arg-type]


def compute(window: MainWindow, qtbot: QtBot) -> AnalysisResult:
    """Press Compute and wait for what comes."""
    with qtbot.waitSignal(window.runner.ended):
        qtbot.mouseClick(view_of(window)._compute, Qt.MouseButton.LeftButton)
    result = result_of(window.session.state)
    assert result is not None
    return result


def test_nothing_is_computed_unasked_then_drawn_as_it_is(shown: MainWindow, qtbot: QtBot) -> None:
    """A sentence says what to press; then cells have the colours of their values, and the slider leads."""
    view = view_of(shown)
    choose(shown, "expert-weight-similarity", layer=2)
    assert "press Compute" in view.pane.sentence.text()
    result = compute(shown, qtbot)
    figure = view.pane.figure.described
    assert isinstance(figure, HeatMapFigure)
    np.testing.assert_array_equal(figure.values, result.found.values["up"][2])
    assert isinstance(figure.scale, ColourScale)
    view._layer.setFocus()
    qtbot.keyClick(view._layer, Qt.Key.Key_Right)
    assert shown.session.state.layer == 3
    assert view.pane.figure.title.endswith("up, layer 3")
    assert view.pane.figure.data.rows[1][:3] == (0, 0, 1)
    qtbot.keyClick(view._array, Qt.Key.Key_D)
    assert view.pane.figure.title == "Cosine of expert weights, down, layer 3"


def test_of_one_question_token_by_token(shown: MainWindow, qtbot: QtBot) -> None:
    """A box offers it where the mean over questions is of prompts that are run; then the figure is of its tokens."""
    view = view_of(shown)
    choose(shown, "router-similarity", layer=1)
    assert not view._of_question.isVisible()
    choose(shown, "expert-output-similarity", layer=1, question=2, experts=frozenset({(1, 3)}))
    assert view._of_question.isVisible()
    qtbot.mouseClick(view._of_question, Qt.MouseButton.LeftButton, pos=QPoint(8, view._of_question.height() // 2))
    result = compute(shown, qtbot)
    trace = shown.session.state.trace
    assert trace is not None
    L, T, E, _ = result.found.values["by_token"].shape
    assert len(trace.trace.prompt_token_ids(2)) == T
    assert (trace.trace.dimensions.n_layers, trace.trace.dimensions.n_experts) == (L, E)
    assert view._array.currentText() == "by_token"
    assert view.pane.figure.described is not None


def test_outliers_are_left_out_where_that_is_ticked(shown: MainWindow, qtbot: QtBot) -> None:
    """A box stands beside the analyses in two dimensions; it asks for another result, whose note says how many."""
    view = view_of(shown)
    choose(shown, "router-similarity", layer=1)
    assert not view._drops_outliers.isVisible()
    choose(shown, "neuron-pca", layer=1)
    compute(shown, qtbot)
    qtbot.mouseClick(view._drops_outliers, Qt.MouseButton.LeftButton, pos=QPoint(8, view._drops_outliers.height() // 2))
    assert result_of(shown.session.state) is None
    assert "outliers (DBSCAN) were left out" in compute(shown, qtbot).found.notes[-1]


def test_a_flow_ends_in_the_layer_that_is_chosen(shown: MainWindow, qtbot: QtBot) -> None:
    """The next one at first; any other is another result, whose title names both ends."""
    view = view_of(shown)
    choose(shown, "cross-layer-flow", layer=1)
    compute(shown, qtbot)
    assert view.pane.figure.title == "From layer 1 to layer 2"
    view._to_layer.setFocus()
    qtbot.keyClick(view._to_layer, Qt.Key.Key_End)
    assert result_of(shown.session.state) is None
    compute(shown, qtbot)
    assert view.pane.figure.title == "From layer 1 to layer 7"


def test_a_cell_selects_its_expert_and_the_selection_is_outlined(shown: MainWindow, qtbot: QtBot) -> None:
    """The row's expert, in every view; a selected one is outlined on the next figure."""
    view = view_of(shown)
    choose(shown, "router-similarity", layer=1)
    compute(shown, qtbot)
    heat_map = view.canvas.heat_map
    middle = heat_map.layout_now().cell_rectangle(5, 9).center().toPoint()
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle))
    assert shown.session.state.experts == {(1, 5)}
    figure = view.pane.figure.described
    assert isinstance(figure, HeatMapFigure)
    assert {row for row, _ in figure.selected} == {5}


def test_routing_follows_scope_and_filter(shown: MainWindow, qtbot: QtBot) -> None:
    """Another selection is another result; coming back shows the first one at once."""
    choose(shown, "load-balance", scope=Scope.PROMPT)
    whole = compute(shown, qtbot)
    shown.session.set(replace(shown.session.state, filter=QuestionFilter(subjects=("capitals",))))
    assert result_of(shown.session.state) is None
    part = compute(shown, qtbot)
    assert not np.array_equal(whole.found.values["load"], part.found.values["load"])
    shown.session.set(replace(shown.session.state, filter=QuestionFilter()))
    assert result_of(shown.session.state) is whole


def test_a_figure_says_what_it_is_of(shown: MainWindow, qtbot: QtBot) -> None:
    """Of weights the model alone; of routing scope, filter, and how many questions counted."""
    view = view_of(shown)
    shown.session.set(replace(shown.session.state, filter=QuestionFilter(subjects=("capitals",)), scope=Scope.ANSWER))
    choose(shown, "router-similarity")
    compute(shown, qtbot)
    assert view.pane.figure.caption.endswith(", layer 0 · demo")
    choose(shown, "expert-contributions")
    compute(shown, qtbot)
    assert view.pane.figure.caption.endswith(" · scope answer · capitals")
    trace = shown.session.state.trace
    assert trace is not None
    n = int((trace.trace.subjects == "capitals").sum())
    assert f"{n} tokens of {n} questions" in view.pane.figure.caption


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_without_a_trace_there_is_no_request(analysis: Any) -> None:
    """Whatever is chosen."""
    state = State(atlas=AtlasState(analysis=analysis.name))
    assert request_of(state) is None
    assert "Open a trace" in why_not(state)


def test_an_empty_window_offers_to_open_a_trace(window: MainWindow, qtbot: QtBot) -> None:
    """In place of controls that would do nothing."""
    window.show_view("atlas")
    qtbot.waitUntil(lambda: view_of(window)._empty.button.text() == "Open trace…")


def test_one_expert_and_two_traces_are_asked_for(shown: MainWindow) -> None:
    """Each in its own sentence."""
    view = view_of(shown)
    choose(shown, "expert-tokens")
    assert view.pane.sentence.text().startswith("Select an expert")
    choose(shown, "router-overlap")
    assert view.pane.sentence.text().startswith("Show a what-if")
    assert not view._compute.isEnabled()


@pytest.mark.parametrize("name", ["expert-pca", "domain-specialisation", "router-weight-regression"])
def test_every_kind_of_figure_has_its_page(shown: MainWindow, qtbot: QtBot, name: str) -> None:
    """Scatter, bars and curves; pointing at a point says which expert it is."""
    view = view_of(shown)
    choose(shown, name, experts=frozenset({(2, 6)}), layer=2)
    result = compute(shown, qtbot)
    pages = {"expert-pca": view.canvas.scatter, "domain-specialisation": view.canvas.bars}
    assert view.canvas.currentWidget() is pages.get(name, view.canvas.curves)
    assert view.pane.figure.data.rows
    if name == "expert-pca":
        x, y = result.found.values["up"][2, 6]
        place = view.canvas.scatter.widget_point(QPointF(x, y))
        assert view.canvas.scatter.tip_at(place).startswith("6: ")


def test_the_oldest_results_are_let_go_of() -> None:
    """So that an afternoon of clicking does not fill the memory."""
    state, found = AtlasState(), object()
    for number in range(60):
        state = state.with_result(AtlasKey("t", "", str(number), AnalysisOptions()), found)  # type: ignore[arg-type]
    assert [key.analysis for key in state.results] == [str(number) for number in range(20, 60)]


def test_a_right_click_on_a_map_of_experts_offers_what_can_be_done_with_one(shown: MainWindow, qtbot: QtBot) -> None:
    """The expert of the row that was clicked, which is selected then."""
    choose(shown, "co-activation", layer=2)
    compute(shown, qtbot)
    heat_map = view_of(shown).canvas.heat_map
    right_click(heat_map, heat_map.layout_now().cell_rectangle(4, 9).center().toPoint())
    assert list(offered(view_of(shown).pane.figure)) == list(OFFERED["expert"])
    assert shown.session.state.experts == {(2, 4)}
