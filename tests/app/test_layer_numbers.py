"""A model whose layers 0 and 2 have no experts: every view shows and takes the model's own numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from moe_core.interventions.file import read_intervention
from moe_core.traces.notes import read_notes
from tests.app.actions.test_palette import go
from tests.app.widgets.fields.test_number_boxes import typed
from tests.traces.synthetic_run import SyntheticRun, record

LAYERS = (1, 3, 4)


@pytest.fixture
def gaps(window: MainWindow, tmp_path: Path) -> MainWindow:
    """The window on a trace of such a model, at the expert 4:5."""
    window.open_trace(record(tmp_path / "gaps.h5", SyntheticRun(n_questions=8, layers=LAYERS)))
    window.session.set(replace(window.session.state, question=1, layer=2, experts=frozenset({(2, 5)})))
    return window


def act(window: MainWindow, name: str) -> None:
    """Do what an entry of the menus does."""
    found = window.findChild(QAction, f"action-{name}")
    assert found is not None
    found.trigger()


def test_views_name_the_model_s_layers(gaps: MainWindow) -> None:
    """Heads, hover and tables of the grid, the ranking, curves, gates and probabilities."""
    views = gaps.views
    grid = views["experts"].heat_map.data  # type: ignore[attr-defined]  # the Experts view
    assert [grid.row_name(row) for row in range(3)] == ["1", "3", "4"]
    assert grid.describe(2, 5).startswith("Layer 4, expert 5\n")
    assert "4:5" in views["experts"]._selection_text()  # type: ignore[attr-defined]
    table = views["experts"]._grid.table()  # type: ignore[attr-defined]
    assert [row[0] for row in table.rows] == np.repeat(LAYERS, 8).tolist()
    for name in ("ranking", "entropy", "expert", "question"):
        gaps.show_view(name)
    ranking = views["ranking"]._table[1]  # type: ignore[attr-defined]
    assert (ranking.columns[0][0], ranking.columns[0][-1]) == ("1:0", "4:7")
    chart = views["entropy"].plot.chart  # type: ignore[attr-defined]
    assert (chart.x_values, chart.selected) == ([1, 3, 4], 4)
    assert views["expert"].heading.title.text() == "Expert 4:5"  # type: ignore[attr-defined]
    question = views["question"]
    assert question.layer.text() == "layer 4"  # type: ignore[attr-defined]
    assert [row.name for row in question.gates_pane.figure.described.rows] == ["1", "3", "4"]  # type: ignore[attr-defined]
    assert {row[0] for row in question.router_pane.figure.data.rows} == {4}  # type: ignore[attr-defined]


def test_layers_are_chosen_by_their_numbers(gaps: MainWindow, qtbot: QtBot) -> None:
    """By stepping, by typing, on the curves and in the palette; a layer without experts is not there."""
    gaps.show_view("question")
    box = gaps.views["question"].layer  # type: ignore[attr-defined]
    box.stepDown()
    assert (gaps.session.state.layer, box.text()) == (1, "layer 3")
    typed(box, "4")
    assert gaps.session.state.layer == 2
    typed(box, "2")
    assert (gaps.session.state.layer, box.text()) == (2, "layer 4")
    gaps.views["entropy"].plot.x_chosen.emit(1)  # type: ignore[attr-defined]
    assert gaps.session.state.layer == 0
    assert go(gaps, qtbot, "2:5").startswith("Nothing")
    assert go(gaps, qtbot, "3:5") == "Expert 3:5"
    assert gaps.session.state.experts == frozenset({(1, 5)})


def test_masks_filters_and_notes_name_them(gaps: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    """What is selected in the row of layer 4 is masked there, in the file too; the grid hatches that row."""
    gaps.show_view("what_if")
    act(gaps, "toggle_mask")
    assert gaps.session.state.intervention.reroute == {(4, 5)}
    hatched = gaps.views["experts"].heat_map.data.hatched  # type: ignore[attr-defined]
    assert np.argwhere(hatched).tolist() == [[2, 5]]
    gaps.mask_files.keep("mine")
    (kept,) = (tmp_path / "library").rglob("*.json")
    assert read_intervention(kept).reroute == {(4, 5)}
    act(gaps, "filter_by_experts")
    assert gaps.session.state.filter.experts == ((4, 5),)
    trace = gaps.session.state.trace
    assert trace is not None
    used = trace.trace.recorded & (trace.trace.answer_experts[:, 2] == 5).any(axis=-1)
    rows = gaps.views["questions"].rows_in_order()  # type: ignore[attr-defined]
    assert set(rows) <= set(np.flatnonzero(used).tolist())
    act(gaps, "bookmark_experts")
    assert set(read_notes(trace.path, trace.layers).experts) == {(4, 5)}
    act(gaps, "toggle_mask")
    assert gaps.session.state.intervention.is_empty()
    act(gaps, "mask_token_experts")
    assert {layer for layer, _ in gaps.session.state.intervention.reroute} <= set(LAYERS)
    assert (LAYERS[0], int(trace.trace.answer_experts[1, 0, 0])) in gaps.session.state.intervention.reroute


def test_a_mask_of_0_3_is_not_taken_for_another(gaps: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    """It does not say whose numbers it has: it is refused, and nothing is lost."""
    (tmp_path / "old.json").write_text('{"name": "old", "reroute": [[1, 2]]}')
    act(gaps, "toggle_mask")
    before = gaps.session.state.intervention
    gaps.mask_files.read_file(tmp_path / "old.json")
    assert gaps.session.state.intervention == before
    assert gaps.isVisible()
    qtbot.keyClick(gaps, Qt.Key.Key_Escape)
