"""The Experts view: every number and colour is what the trace says, and pointing at it selects everywhere.

Axes: N questions, T tokens, L layers, E experts, K chosen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyqtgraph
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.content.effects import EFFECT_METRICS
from app.content.grids.expert_grid import GRID_METRICS
from app.state.session import Session
from app.views.experts.view import ExpertsView
from app.widgets.eliding_label import ElidingLabel
from app.window.main_window import MainWindow
from moe_core.measures.metrics.right_minus_wrong import RIGHT_MINUS_WRONG
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.scope import Scope
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.reader import Trace, open_trace
from tests.app.grid_heads import row_head
from tests.app.on_screen import on_screen
from tests.app.picture import picture_of
from tests.traces.synthetic_run import SyntheticRun, record

FloatArray = NDArray[np.float64]
HALF_PRECISION = 2e-3


@dataclass(frozen=True)
class UnscoredRun(SyntheticRun):
    """A quiz whose questions have no right answer."""

    @property
    def tokenised(self) -> TokenisedQuiz:  # type: ignore[override]  # a cached property there
        whole = super().tokenised
        return replace(whole, questions=tuple(replace(question, gold=None) for question in whole.questions))


OF_ROUTING = [metric for metric in GRID_METRICS if metric not in EFFECT_METRICS]


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> ExpertsView:
    """The view on the tiny trace."""
    return shown(opened, qtbot)


@pytest.fixture
def independent(trace_path: Path) -> Iterator[Trace]:
    """The same trace, opened apart from the window."""
    with open_trace(trace_path) as trace:
        yield trace


def shown(session: Session, qtbot: QtBot) -> ExpertsView:
    """A view of the session, on the screen and without the focus."""
    made = on_screen(ExpertsView(session), qtbot, 720, 480)
    made.heat_map.clearFocus()
    return made


def values_of(view: ExpertsView) -> FloatArray:
    """What the heat map was given."""
    assert view.heat_map.data is not None
    return view.heat_map.data.values


def sentence(view: ExpertsView) -> str:
    """What the empty page says."""
    return next(label.text() for label in view.findChildren(QLabel) if label.isVisible() and len(label.text()) > 20)


def readout(view: ExpertsView) -> str:
    """The line below the map."""
    labels = view.findChildren(ElidingLabel)
    return next(label.whole_text for label in labels if "cell under mouse" in label.accessibleName())


def weights_per_question(trace: Trace, scope: Scope, rows: list[int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """From the tokens themselves: how many chose each expert, their q summed, and m; each [N, L, E]."""
    sizes = trace.dimensions
    counts = np.zeros((len(rows), sizes.n_layers, sizes.n_experts))
    sums, tokens = counts.copy(), np.zeros(len(rows))
    for place, row in enumerate(rows):
        if scope == Scope.ANSWER:
            ids, w = trace.answer_experts[row][None], trace.answer_weights[row][None]
        else:
            routing = trace.token_routing(row)
            first = 0 if scope == Scope.PROMPT else len(routing.experts) - int(trace.n_own_tokens[row])
            ids, w = routing.experts[first:], routing.weights[first:]
        q = w.astype(float) / w.astype(float).sum(axis=-1, keepdims=True)  # [T, L, K]
        tokens[place] = len(ids)
        for layer in range(sizes.n_layers):
            np.add.at(counts[place, layer], ids[:, layer].reshape(-1).astype(int), 1)
            np.add.at(sums[place, layer], ids[:, layer].reshape(-1).astype(int), q[:, layer].reshape(-1))
    return counts, sums, sums / tokens[:, None, None]


def expected(trace: Trace, metric: str, scope: Scope, rows: list[int]) -> FloatArray:
    """The metric [L, E] by its definition."""
    counts, sums, m = weights_per_question(trace, scope, rows)
    right = (trace.predicted == trace.gold)[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = (m * right[:, None, None]).sum(0) / m.sum(0)
        return {
            "used_share": counts.sum(0) / (counts.sum() / trace.dimensions.n_layers / trace.dimensions.top_k),
            "gate_weight": sums.sum(0) / counts.sum(0),
            "expert_accuracy": accuracy,
            "accuracy_lift": accuracy - right.mean(),
            "right_minus_wrong": m[right].mean(0) - m[~right].mean(0),
            "answer_probability": trace.router_probs[rows].astype(float).mean(0),
        }[metric]


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("metric", [metric.name for metric in OF_ROUTING])
def test_values_are_those_of_the_trace(
    view: ExpertsView, independent: Trace, metric: str, scope: Scope, opened: Session
) -> None:
    """Every metric of the grid, in every scope, over a selection, computed anew from the tokens."""
    subject = str(independent.subjects[0])
    opened.set(replace(opened.state, metric=metric, scope=scope, filter=QuestionFilter(subjects=(subject,))))
    rows = np.flatnonzero(independent.subjects == subject).tolist()
    np.testing.assert_allclose(values_of(view), expected(independent, metric, scope, rows), atol=HALF_PRECISION)


@pytest.mark.parametrize("metric", [metric.name for metric in OF_ROUTING])
def test_cells_have_the_colours_of_the_values(
    view: ExpertsView, independent: Trace, metric: str, opened: Session
) -> None:
    """Probed in the picture: cividis over the whole range, CET-D1 around zero, grey where there is no value."""
    opened.set(replace(opened.state, metric=metric, shows_unsupported=True))
    values = expected(independent, metric, Scope.ANSWER, list(range(24)))
    is_signed = metric in ("accuracy_lift", "right_minus_wrong")
    largest = np.nanmax(np.abs(values))
    low, high = (-largest, largest) if is_signed else (np.nanmin(values), np.nanmax(values))
    colours = pyqtgraph.colormap.get("CET-D1" if is_signed else "cividis")
    image, layout = picture_of(view.heat_map), view.heat_map.layout_now()
    grey = np.array(view.palette().mid().color().getRgb()[:3])
    for cell in np.ndindex(values.shape):
        box = layout.cell_rectangle(*cell)
        pixel = image.pixelColor(QPointF(box.right() - 2, box.bottom() - 2).toPoint())
        place = (values[cell] - low) / (high - low)
        wanted = grey if np.isnan(place) else np.array(colours.map(float(np.clip(place, 0, 1)), mode="byte")[:3])
        assert np.abs(np.array(pixel.getRgb()[:3]) - wanted.astype(int)).max() <= 6, cell


def test_never_used_experts_carry_a_dot(view: ExpertsView, independent: Trace) -> None:
    """Those that no question chose at the answer position, and no others."""
    never = np.ones(values_of(view).shape, bool)
    for layer, chosen in enumerate(np.moveaxis(independent.answer_experts, 1, 0)):
        never[layer, np.unique(chosen)] = False
    assert never.any()
    image, layout = picture_of(view.heat_map), view.heat_map.layout_now()
    for cell in np.ndindex(never.shape):
        box = layout.cell_rectangle(*cell)
        middle = image.pixelColor(box.center().toPoint())
        beside = image.pixelColor(QPointF(box.right() - 2, box.bottom() - 2).toPoint())
        assert (middle != beside) == never[cell], cell


def test_the_metric_box_changes_the_metric(view: ExpertsView, opened: Session, qtbot: QtBot) -> None:
    """By keys; its tooltip says what the metric means."""
    box = next(box for box in view.findChildren(QComboBox) if box.accessibleName() == "Metric of the grid")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert opened.state.metric == "gate_weight"
    assert "renormalised" in box.toolTip()
    assert view.figure.title == "Experts: Mean gate weight when chosen"
    opened.set(replace(opened.state, metric="topk_entropy"))
    assert box.currentText() == GRID_METRICS[0].title


def test_clicking_selects_for_everyone(view: ExpertsView, opened: Session, qtbot: QtBot) -> None:
    """Cells and layer go into the state, one edit to undo; what others select is outlined."""
    place = view.heat_map.layout_now().cell_rectangle(2, 7).center().toPoint()
    qtbot.mouseClick(view.heat_map.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert (opened.state.experts, opened.state.layer) == (frozenset({(2, 7)}), 2)
    opened.undo_stack.undo()
    assert view.heat_map.selector.selected == frozenset()
    opened.set(replace(opened.state, experts=frozenset({(0, 3), (1, 3)})))
    assert view.heat_map.selector.selected == {(0, 3), (1, 3)}
    assert readout(view).startswith("Layer 2, expert 7")
    qtbot.mouseMove(view.heat_map.viewport(), QPoint(1, 1))
    view.heat_map.clearFocus()
    assert readout(view) == "2 selected (layer:expert): 0:3, 1:3"


def test_double_click_lists_the_questions(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """In the real window: the filter then asks for the expert."""
    window.open_trace(trace_path)
    view = window.views["experts"]
    assert isinstance(view, ExpertsView)
    place = view.heat_map.layout_now().cell_rectangle(1, 4).center().toPoint()
    qtbot.mouseClick(view.heat_map.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(view.heat_map.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.session.state.filter.experts == ((1, 4),)


def test_escape_is_the_windows(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """It clears the selection; Ctrl+A takes all experts before."""
    window.open_trace(trace_path)
    view = window.views["experts"]
    assert isinstance(view, ExpertsView)
    view.heat_map.setFocus()
    qtbot.keyClick(view.heat_map, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(window.session.state.experts) == 48
    qtbot.keyClick(view.heat_map, Qt.Key.Key_Escape)
    assert window.session.state.experts == frozenset()


def test_pointing_says_value_interval_support_and_rank(
    view: ExpertsView, independent: Trace, opened: Session, qtbot: QtBot
) -> None:
    """Of the best expert of a layer, found anew."""
    opened.set(replace(opened.state, metric="expert_accuracy"))
    values = expected(independent, "expert_accuracy", Scope.ANSWER, list(range(24)))
    used = (independent.answer_experts[:, 1, :, None] == np.arange(16)).any(axis=1).sum(axis=0)
    expert = int(np.nanargmax(values[1]))
    qtbot.mouseMove(view.heat_map.viewport(), view.heat_map.layout_now().cell_rectangle(1, expert).center().toPoint())
    said = readout(view)
    assert said.startswith(f"Layer 1, expert {expert} · {values[1, expert] * 100:.1f} % [")
    assert f"n = {used[expert]} of 24 questions" in said
    better = int(np.nansum(values > values[1, expert] + 1e-9)) + 1
    assert f"rank 1 of {np.isfinite(values[1]).sum()} in the layer, " in said
    assert f"{better} of {np.isfinite(values).sum()} in all" in said
    assert said.replace(" · ", "\n").split("\n")[1] in view.heat_map.tip_for(
        view.heat_map.selector.anchor._replace(layer=1, expert=expert)
    )


def test_marginals_are_mean_or_sum(view: ExpertsView, independent: Trace, qtbot: QtBot) -> None:
    """Over the experts of a layer, and the layers of an expert; the readout says which."""
    values = expected(independent, "gate_weight", Scope.ANSWER, list(range(24)))
    view.session.set(replace(view.state, metric="gate_weight"))
    data = view.heat_map.data
    assert data is not None
    np.testing.assert_allclose(data.row_marginals, np.nanmean(values, axis=1), atol=HALF_PRECISION)
    view.set_options({"marginals": "sum"})
    data = view.heat_map.data
    assert data is not None
    sums = np.where(np.isfinite(values).any(axis=0), np.nansum(values, axis=0), np.nan)  # no bar where no layer has one
    np.testing.assert_allclose(data.column_marginals, sums, atol=HALF_PRECISION)
    qtbot.mouseMove(view.heat_map.viewport(), row_head(view.heat_map.layout_now(), 1))
    assert f"sum over {np.isfinite(values[1]).sum()} experts: " in readout(view)


def test_the_table_holds_what_is_shown(view: ExpertsView, independent: Trace, opened: Session) -> None:
    """Full precision, a row a cell, nothing where there is no value; the caption names the run."""
    opened.set(replace(opened.state, metric="expert_accuracy"))
    table = view.figure.data
    assert table.columns[:3] == ("layer", "expert", "Accuracy of the expert")
    values = expected(independent, "expert_accuracy", Scope.ANSWER, list(range(24)))
    told = np.array([np.nan if row[2] is None else row[2] for row in table.rows], float).reshape(values.shape)
    np.testing.assert_allclose(told, values, atol=HALF_PRECISION)
    assert [row[:2] for row in table.rows[15:17]] == [(0, 15), (1, 0)]
    assert "scope answer" in view.figure.caption


def test_one_question(view: ExpertsView, opened: Session, independent: Trace) -> None:
    """Its chosen experts have a share of 1, all others 0; said in the singular."""
    opened.set(replace(opened.state, filter=QuestionFilter(ids=frozenset({independent.ids[3]}))))
    values = values_of(view)
    for layer in range(3):
        assert set(np.flatnonzero(values[layer])) == set(independent.answer_experts[3, layer].tolist())
    assert any(label.text() == "n = 1 question" for label in view.findChildren(QLabel))


def test_all_right_leaves_nothing_to_compare(view: ExpertsView, opened: Session) -> None:
    """Right minus wrong of right answers only: grey cells, and a sentence why."""
    opened.set(replace(opened.state, metric="right_minus_wrong", filter=QuestionFilter(outcomes=(Outcome.RIGHT,))))
    assert np.isnan(values_of(view)).all()
    assert view.heat_map.data is not None
    assert view.heat_map.data.note == "Every question shown was answered right, so there is nothing to compare."


@pytest.mark.parametrize("metric", ["expert_accuracy", "accuracy_lift", "right_minus_wrong"])
def test_a_quiz_without_answers_has_no_accuracies(session: Session, qtbot: QtBot, tmp_path: Path, metric: str) -> None:
    """All cells are blank, with one sentence why; what needs no answers is still shown."""
    session.open(record(tmp_path / "unscored.h5", UnscoredRun()))
    view = shown(session, qtbot)
    assert np.isfinite(values_of(view)).all()
    session.set(replace(session.state, metric=metric))
    assert np.isnan(values_of(view)).all()
    assert view.heat_map.data is not None
    assert view.heat_map.data.note.startswith("No question shown has a known right answer")
    assert session.state.trace is not None


@pytest.mark.parametrize("keeps_tokens", [True, False])
def test_a_partial_trace_shows_what_it_has(session: Session, qtbot: QtBot, tmp_path: Path, keeps_tokens: bool) -> None:
    """Failed and unrecorded questions are left out and told; with or without the tokens kept."""
    session.open(record(tmp_path / "partial.h5", SyntheticRun(keeps_tokens=keeps_tokens), only=[0, 2, 4]))
    view = shown(session, qtbot)
    label = next(label for label in view.findChildren(QLabel) if label.text() == "n = 2 questions")
    assert "1 failed, 3 not recorded" in label.toolTip()
    with open_trace(tmp_path / "partial.h5") as trace:
        chosen = trace.answer_experts[[0, 2]]
        for layer, expert in np.ndindex(3, 8):
            assert values_of(view)[layer, expert] == (chosen[:, layer] == expert).sum() / 2
    for scope in Scope:
        session.set(replace(session.state, scope=scope))
        view.grab()


def test_a_trace_without_answers_yet_waits_for_them(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    """Nothing is recorded; and what is recorded failed."""
    session.open(record(tmp_path / "new.h5", SyntheticRun(), only=[]))
    view = shown(session, qtbot)
    assert sentence(view).startswith("No question has been answered yet (6 not recorded)")
    session.open(record(tmp_path / "failed.h5", SyntheticRun(), only=[4]))
    session.set(replace(session.state, filter=QuestionFilter(outcomes=(Outcome.FAILED,))))
    assert sentence(view) == "No question that passes the filter was answered (1 failed)."


def test_growing_traces_are_drawn_anew(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    """As soon as the session has looked again."""
    path = record(tmp_path / "growing.h5", SyntheticRun(), only=[0])
    session.open(path)
    view = shown(session, qtbot)
    from moe_core.traces.writing.writer import TraceWriter

    with TraceWriter(path) as writer:
        writer.write([SyntheticRun().question_record(question) for question in (1, 2)])
    session.refresh()
    assert any(label.text() == "n = 3 questions" for label in view.findChildren(QLabel))


def test_options_are_kept_and_nonsense_is_passed_over(view: ExpertsView, opened: Session, qtbot: QtBot) -> None:
    """A second view set up with the first one's options shows the same scale."""
    view.set_options({"colours": {"range": "robust", "log": True, "sequential": "viridis"}, "marginals": "sum"})
    other = shown(opened, qtbot)
    other.set_options(view.options())
    assert other.options() == view.options()
    assert view.heat_map.data is not None
    assert other.heat_map.data is not None
    assert other.heat_map.data.scale == view.heat_map.data.scale
    other.set_options({"colours": 5, "marginals": "median", "unknown": 1})
    assert other.options()["marginals"] == "sum"


def test_dragging_the_colour_bar_makes_the_range_manual(view: ExpertsView, qtbot: QtBot) -> None:
    """And a double click gives the whole range back."""
    assert view.heat_map.data is not None
    whole = view.heat_map.data.scale
    view.heat_map.layout_now()
    bar, port = view.heat_map.colour_bar.bar, view.heat_map.viewport()
    top = QPointF(bar.center().x(), bar.top() + 4).toPoint()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=top)
    qtbot.mouseMove(port, top + QPoint(0, 60))
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=top + QPoint(0, 60))
    assert view.heat_map.data.scale.high < whole.high
    assert view.options()["colours"]["range"] == "manual"
    qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=top)
    assert view.heat_map.data.scale == whole


def test_selecting_does_not_compute_or_colour_again(view: ExpertsView, opened: Session) -> None:
    """Only the outline is drawn anew."""
    before = view.heat_map.data
    opened.set(replace(opened.state, experts=frozenset({(1, 1)}), layer=1))
    assert view.heat_map.data is before


def test_the_more_button_opens_what_can_be_done(view: ExpertsView, qtbot: QtBot) -> None:
    """Export, table twin, and what the bars show."""
    button = next(button for button in view.findChildren(QToolButton) if button.text() == "⋯")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    menu = view.figure.findChildren(type(view.figure.menu()))[0]
    texts = [action.text() for action in menu.actions()]
    assert "Show as table\tCtrl+T" in texts
    action = next(action for action in menu.actions() if action.text() == "Bars at the sides: sum")
    action.trigger()
    menu.close()
    assert view.options()["marginals"] == "sum"


@pytest.mark.parametrize("metric", ["accuracy_lift", "right_minus_wrong"])
def test_differences_that_may_be_noise_look_empty(view: ExpertsView, opened: Session, metric: str) -> None:
    """The tiny model knows nothing: every cell has nearly the colour of the ground, and a sentence says why."""
    opened.set(replace(opened.state, metric=metric))
    assert view.heat_map.data is not None
    assert view.heat_map.data.note.startswith("Chance explains every difference")
    view.heat_map.set_data(replace(view.heat_map.data, note=""))
    image, layout = picture_of(view.heat_map), view.heat_map.layout_now()
    ground = view.palette().base().color().getRgb()[:3]
    for cell in np.argwhere(~np.isnan(view.heat_map.data.values)).tolist():
        box = layout.cell_rectangle(*cell)
        pixel = image.pixelColor(QPointF(box.right() - 2, box.bottom() - 2).toPoint())
        assert np.abs(np.array(pixel.getRgb()[:3]) - ground).max() <= 0.05 * 255 + 1
    assert not view.heat_map.data.row_marginals.any()
    assert "0 of" in view.figure.caption
    assert "differences supported (Holm, p < 0.05)" in view.figure.caption


def test_the_tip_of_a_difference_has_interval_both_sides_and_support(view: ExpertsView, opened: Session) -> None:
    """And so has its row of the table."""
    opened.set(replace(opened.state, metric="right_minus_wrong"))
    values = opened.state.trace.values(RIGHT_MINUS_WRONG, Scope.ANSWER)  # type: ignore[union-attr]  # it is open
    assert values.sides is not None
    assert values.lower is not None
    layer, expert = np.argwhere(np.isfinite(values.p))[3].tolist()
    tip = view.heat_map.data.describe(layer, expert)  # type: ignore[union-attr]  # it is drawn
    assert re.search(r"^[+−]?[0-9.e−]+ \[[+−]?[0-9.e−]+, [+−]?[0-9.e−]+\]$", tip, re.MULTILINE)
    assert "right answers" in tip
    assert "wrong answers" in tip
    assert "not supported (p = 1, corrected)" in tip
    table = view.figure.data
    row = dict(zip(table.columns, table.rows[layer * 16 + expert], strict=True))
    assert (row["right answers"], row["wrong answers"]) == tuple(side[layer, expert] for side in values.sides)
    assert row["lower 95 %"] == values.lower[layer, expert]
    assert (row["corrected p"], row["supported"]) == (1.0, 0)


def test_one_switch_shows_all_differences(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """By mouse, by its key, in the menu; it is ticked everywhere, remembered, and only there for differences."""
    window.open_trace(trace_path)
    view, session = window.views["experts"], window.session
    assert isinstance(view, ExpertsView)
    switch = next(b for b in view.findChildren(QToolButton) if b.accessibleName() == "Show unsupported differences")
    action = next(made for made in window.actions() if made.objectName() == "action-show_unsupported")
    assert not switch.isVisible()
    session.set(replace(session.state, metric="right_minus_wrong"))
    assert view.heat_map.data is not None
    n_faded = int(view.heat_map.data.faded.sum())  # type: ignore[union-attr]  # it is a difference
    assert n_faded > 0
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert session.state.shows_unsupported
    assert action.isChecked()
    assert switch.isChecked()
    assert not view.heat_map.data.faded.any()  # type: ignore[union-attr]  # as above
    assert not view.heat_map.data.note
    qtbot.keyClick(view.heat_map, Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert not action.isChecked()
    assert not switch.isChecked()
    assert int(view.heat_map.data.faded.sum()) == n_faded  # type: ignore[union-attr]  # as above
