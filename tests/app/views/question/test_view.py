"""The Question view: what is drawn is what the trace holds, and every click and key leads where it should.

Axes: T tokens, L layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Callable
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.files.figures.formats import USUAL, image_of, svg_of
from app.state.session import Session
from app.views.question.view import QuestionView
from app.widgets.figures.figure import Figure
from app.widgets.tint import tint
from app.widgets.tokens.layout import PREFIX_MARK
from moe_core.commands.show import describe_question
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.writing.creation import create_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.app.bars import bar_of, bar_room, box_of
from tests.app.on_screen import on_screen
from tests.app.picture import picture_of
from tests.traces.checking.test_check import flip
from tests.traces.synthetic_run import SyntheticRun, record

Show = Callable[[Session], QuestionView]


@pytest.fixture
def show(qtbot: QtBot) -> Show:
    """Shows a view of a session, as large as its dock in a full window."""

    def shown(session: Session) -> QuestionView:
        return on_screen(QuestionView(session), qtbot, 380, 800)

    return shown


@pytest.fixture
def view(opened: Session, show: Show) -> QuestionView:
    """The view on question 3 of the tiny trace."""
    opened.set(replace(opened.state, question=3))
    return show(opened)


@pytest.fixture
def trace(trace_path: Path) -> Trace:
    """The tiny trace, opened once more: what the view should show."""
    return open_trace(trace_path)


def open_run(session: Session, path: Path, run: SyntheticRun, only: list[int] | None = None) -> None:
    """Have the session show a synthetic run."""
    session.open(record(path, run, only=only))


def gate(view: QuestionView, layer: int, rank: int) -> QRectF:
    """Where an expert of the token stands."""
    return bar_room(view.gates, view.gates.row_of(layer), rank + 1)


def click(qtbot: QtBot, widget: QWidget, place: QRectF, *, control: bool = False) -> None:
    """Click the middle of a place in a widget of the view."""
    held = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, held, place.center().toPoint())


def entropy_of(weights: np.ndarray) -> np.ndarray:
    """Top-k entropy over the last axis, straight from its definition."""
    q = weights.astype(np.float64) / weights.astype(np.float64).sum(axis=-1, keepdims=True)
    return np.asarray(-(q * np.log(q)).sum(axis=-1))


def test_the_header_names_the_question_and_how_it_ended(view: QuestionView, trace: Trace) -> None:
    """Id, outcome in words, subject and length."""
    header = view.header
    name, outcome, details = header.name.whole_text, header.outcome.text(), header.details.whole_text
    is_right = int(trace.predicted[3]) == int(trace.gold[3])
    assert name == trace.ids[3]
    assert outcome == ("✓ right" if is_right else "✗ wrong")
    assert details == f"{trace.subjects[3]} · {trace.n_prompt_tokens[3]} tokens"


def test_the_tables_hold_what_show_prints(view: QuestionView, trace: Trace) -> None:
    """Tokens, choices, gates and probabilities are those of `moescope show`."""
    shown = describe_question(trace, 3, all_tokens=True)
    assert [row[2] for row in view.prompt.figure.data.rows] == shown["tokens"]
    assert [row[1] for row in view.prompt.figure.data.rows] == trace.prompt_token_ids(3).tolist()
    assert [row[1:3] for row in view.choices_pane.figure.data.rows] == list(
        zip(shown["choices"], shown["choice_logprobs"], strict=True)
    )
    expected = [
        (layer["layer"], rank, expert, weight)
        for layer in shown["layers"]
        for rank, (expert, weight) in enumerate(zip(layer["experts"], layer["weights"], strict=True), 1)
    ]
    assert [row[:4] for row in view.gates_pane.figure.data.rows] == expected
    assert [row[2] for row in view.router_pane.figure.data.rows] == trace.answer(3).router_probs[0].tolist()
    assert trace.ids[3] in view.prompt.figure.caption


def test_tokens_are_tinted_by_their_entropy(view: QuestionView, trace: Trace) -> None:
    """Palest for the lowest, strongest for the highest; a pixel of each token has that colour."""
    entropies = entropy_of(trace.token_routing(3).weights).mean(axis=1)  # [T]
    low, high = entropies.min(), entropies.max()
    image = picture_of(view.prompt.strip)
    for token, value in enumerate(entropies):
        expected = tint(view.palette(), (value - low) / (high - low))
        corner = view.prompt.strip.rectangles(token)[0].topLeft().toPoint() + QPoint(4, 2)
        if token not in (0, len(entropies) - 1):
            assert _is_near(image.pixelColor(corner), expected), token
    assert [row[3] for row in view.prompt.figure.data.rows] == pytest.approx(entropies.tolist(), abs=1e-5)


def test_entropy_of_the_layer_looked_at(view: QuestionView, trace: Trace) -> None:
    """The colour follows the state's layer."""
    view.prompt.measure.setCurrentIndex(1)
    view.session.set(replace(view.state, layer=2))
    expected = entropy_of(trace.token_routing(3).weights)[:, 2]
    assert [row[3] for row in view.prompt.figure.data.rows] == pytest.approx(expected.tolist(), abs=1e-5)
    assert "layer 2" in view.prompt.figure.caption


def test_weight_of_the_selected_experts(view: QuestionView, trace: Trace) -> None:
    """Summed over the selected experts, 0 where none was chosen; without any, a sentence says what to do."""
    view.prompt.measure.setCurrentIndex(2)
    assert "Select an expert" in view.prompt.strip.note
    routing, expected = trace.token_routing(3), np.zeros(len(trace.prompt_token_ids(3)))
    selected = {(0, int(routing.experts[5, 0, 0])), (2, int(routing.experts[7, 2, 1]))}
    for layer, expert in selected:
        for token, rank in np.argwhere(routing.experts[:, layer] == expert):
            expected[token] += float(routing.weights[token, layer, rank])
    view.session.set(replace(view.state, experts=frozenset(selected)))
    assert [row[3] for row in view.prompt.figure.data.rows] == pytest.approx(expected.tolist())
    assert view.prompt.strip.note == ""
    assert all(f"{layer}:{expert}" in view.prompt.figure.caption for layer, expert in selected)


def test_clicking_a_token_chooses_it(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """The gate chart shows its experts; the router's bars say that they stay at the answer position."""
    click(qtbot, view.prompt.strip, view.prompt.strip.rectangles(6)[0])
    assert view.state.token == 6
    routing = trace.token_routing(3)
    assert [row[2] for row in view.gates_pane.figure.data.rows] == routing.experts[6].ravel().tolist()
    assert "token 6" in view.gates_pane.subtitle.whole_text
    assert view.router_pane.subtitle.whole_text == "kept for the answer only"
    last = len(routing.experts) - 1
    click(qtbot, view.prompt.strip, view.prompt.strip.rectangles(last)[0])
    assert view.state.token is None
    assert view.gates_pane.subtitle.whole_text == "answer position"
    assert view.router_pane.subtitle.whole_text == "probabilities, answer position"


def test_keys_move_the_token_cursor(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """Left, right, home and end by token; up and down by line, to the token nearest above or below."""
    strip, last = view.prompt.strip, len(trace.prompt_token_ids(3)) - 1
    strip.setFocus()
    for key, expected in (("Left", last - 1), ("Home", 0), ("Left", 0), ("Right", 1), ("End", None), ("Right", None)):
        qtbot.keyClick(strip, getattr(Qt.Key, f"Key_{key}"))
        assert view.state.token == expected
    qtbot.keyClick(strip, Qt.Key.Key_Up)
    above = view.state.token
    assert above is not None
    assert strip.rectangles(above)[0].bottom() < strip.rectangles(last)[0].top()
    qtbot.keyClick(strip, Qt.Key.Key_Down)
    assert view.state.token is None or view.state.token > above


def test_cells_are_filled_by_gate_weight(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """As the model used it against the largest one shown; renormalised on request."""
    view.session.set(replace(view.state, token=4))
    weights = trace.token_routing(3).weights[4].astype(np.float64)  # [L, K]
    _assert_filled(view, weights)
    qtbot.mouseClick(view.renormalised, Qt.MouseButton.LeftButton, pos=QPoint(8, view.renormalised.height() // 2))
    assert view.renormalised.isChecked()
    _assert_filled(view, weights / weights.sum(axis=1, keepdims=True))


def test_clicking_an_expert_selects_it_everywhere(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """A click replaces the selection and looks at the layer, control adds and takes away; it can be undone."""
    experts = trace.answer(3).experts
    first, second = (1, int(experts[1, 2])), (2, int(experts[2, 0]))
    click(qtbot, view.gates.viewport(), gate(view, 1, 2))
    assert (view.state.experts, view.state.layer) == (frozenset({first}), 1)
    click(qtbot, view.gates.viewport(), gate(view, 2, 0), control=True)
    assert (view.state.experts, view.state.layer) == (frozenset({first, second}), 2)
    click(qtbot, view.gates.viewport(), gate(view, 1, 2), control=True)
    assert view.state.experts == frozenset({second})
    view.session.undo_stack.undo()
    assert view.state.experts == frozenset({first, second})


def test_the_gate_chart_by_keys(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """Up and down look at another layer, return selects, control and space adds."""
    experts = trace.answer(3).experts
    view.gates.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Return):
        qtbot.keyClick(view.gates, key)
    assert (view.state.layer, view.state.experts) == (1, frozenset({(1, int(experts[1, 1]))}))
    qtbot.keyClick(view.gates, Qt.Key.Key_End)
    qtbot.keyClick(view.gates, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert view.state.experts == frozenset({(1, int(experts[1, 1])), (1, int(experts[1, -1]))})


def test_the_router_bars_are_the_traces_probabilities(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """Bars reach as high as they are probable; the layer is that of the state; a click selects."""
    qtbot.keyClick(view.layer, Qt.Key.Key_Up)
    assert view.state.layer == 1
    probabilities = trace.answer(3).router_probs[1].astype(np.float64)  # [E]
    picture = picture_of(view.router)
    for expert in trace.answer(3).experts[1].tolist():
        box = box_of(view.router, expert, probabilities[expert])
        left = round(box.left() + 0.3 * box.width())
        seen = [picture.pixelColor(left, round(y)) for y in (box.top() - 3, box.top() + 3, box.bottom() - 3)]
        assert [colour == tint(view.palette(), 1.0) for colour in seen] == [False, True, True]
    chosen = [row[1] for row in view.router_pane.figure.data.rows if row[4] == "yes"]
    assert chosen == sorted(trace.answer(3).experts[1].tolist())
    click(qtbot, view.router.viewport(), box_of(view.router, 9, view.router.figure.highest))
    assert view.state.experts == frozenset({(1, 9)})
    view.router.setFocus()
    qtbot.keyClick(view.router, Qt.Key.Key_Home)
    qtbot.keyClick(view.router, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert view.state.experts == frozenset({(1, 9), (1, 0)})


def test_ranks_count_from_the_most_probable(view: QuestionView, trace: Trace) -> None:
    """The table's rank 1 is the expert that the router prefers."""
    ranks = {row[1]: row[3] for row in view.router_pane.figure.data.rows}
    order = sorted(ranks, key=lambda expert: ranks[expert])
    assert order[: trace.dimensions.top_k] == trace.answer(3).experts[0].tolist()


def test_choices_say_what_is_right_and_what_was_chosen(view: QuestionView, trace: Trace) -> None:
    """Marks in words, the margin, and the probability among the choices."""
    for question in range(trace.n_questions):
        view.session.set(replace(view.state, question=question))
        answer, gold = trace.answer(question), int(trace.gold[question])
        rows = view.choices.figure.rows
        assert ["gold" in row.sign for row in rows].index(True) == gold
        assert ["predicted" in row.sign for row in rows].index(True) == answer.predicted
        logprobs = answer.choice_logprobs.astype(np.float64)
        margin = logprobs[gold] - np.delete(logprobs, gold).max()
        said = float(view.choices_pane.subtitle.whole_text.split()[1].replace("−", "-"))
        assert said == pytest.approx(margin, rel=5e-3)
        shares = np.exp(logprobs) / np.exp(logprobs).sum()
        assert [row[3] for row in view.choices_pane.figure.data.rows] == pytest.approx(shares.tolist())


def test_previous_and_next_are_asked_of_the_window(view: QuestionView, qtbot: QtBot) -> None:
    """The order of the list is the list's business."""
    asked: list[str] = []
    view.session.requested.connect(asked.append)
    for name in ("Previous question", "Next question"):
        qtbot.mouseClick(_button(view, name), Qt.MouseButton.LeftButton)
    assert asked == ["previous_question", "next_question"]


def test_copies_the_prompt_as_plain_text(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """By its button, folded prefix included."""
    prompt = "".join(trace.token_texts(trace.prompt_token_ids(3)))
    qtbot.keyClick(view.prompt.strip, Qt.Key.Key_Minus)
    qtbot.mouseClick(_button(view, "Copy prompt"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == prompt


def test_the_copy_key_copies_the_token_that_is_pointed_at(view: QuestionView, qtbot: QtBot) -> None:
    """As in every figure, and as the menu says: what the tip says of it."""
    strip, figure = view.prompt.strip, view.prompt.figure
    with qtbot.waitSignal(figure.wanted) as wanted:
        qtbot.keyClick(strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert wanted.args == [figure, "pointed"]
    assert figure.pointed_text == strip.tip_of(strip.cursor_token)
    qtbot.keyClick(strip, Qt.Key.Key_Left)
    assert figure.pointed_text == strip.tip_of(strip.prompt.last - 1)


def test_the_shared_prefix_is_folded_with_one_click(view: QuestionView, trace: Trace, qtbot: QtBot) -> None:
    """Its tokens leave plot and table; choosing one of them, from elsewhere, unfolds it."""
    strip, n_prefix = view.prompt.strip, int(trace.n_prefix_tokens[trace.prefix[3]])
    assert strip.prompt.shown.start == 0
    click(qtbot, strip, strip.rectangles(PREFIX_MARK)[0])
    assert strip.prompt.shown.start == n_prefix
    assert next(row[0] for row in view.prompt.figure.data.rows) == n_prefix
    assert strip.rectangles(0) == []
    view.session.set(replace(view.state, token=2))
    assert strip.rectangles(2)
    qtbot.keyClick(strip, Qt.Key.Key_Minus)
    assert (view.state.token, strip.prompt.is_collapsed) == (None, True)
    qtbot.keyClick(strip, Qt.Key.Key_Plus)
    assert strip.prompt.shown.start == 0


def test_worked_examples_are_folded_at_first(session: Session, tmp_path: Path, show: Show) -> None:
    """A trace with shots starts with the prefix folded; a question without a prefix is whole."""
    run = SyntheticRun()
    path = tmp_path / "shots.h5"
    create_trace(path, replace(run.specification, shots=5), run.tokenised, run.token_texts)
    with TraceWriter(path) as writer:
        writer.write(list(run.records()))
    session.open(path)
    view = show(session)
    assert view.prompt.strip.prompt.shown.start == len(run.tokenised.prefixes[0])
    session.set(replace(session.state, question=2))
    assert not view.prompt.strip.prompt.is_collapsed


def test_no_trace_and_no_question_are_said_in_a_sentence(session: Session, trace_path: Path, show: Show) -> None:
    """With the button that opens one; and closing a trace leaves nothing of it behind."""
    view = show(session)
    assert "Open a trace" in _sentence(view)
    session.open(trace_path)
    assert view.body.isVisible()
    session.set(replace(session.state, question=None))
    assert "Choose a question" in _sentence(view)
    session.close()
    assert "Open a trace" in _sentence(view)
    assert view.prompt.figure.data.rows == ()


def test_answer_position_only(session: Session, tmp_path: Path, show: Show) -> None:
    """Tokens are plain, with the reason above them; the gates of every token are those of the answer position."""
    run = SyntheticRun(keeps_tokens=False)
    open_run(session, tmp_path / "answer.h5", run)
    view = show(session)
    assert "keeps the answer position only" in view.prompt.strip.note
    session.set(replace(session.state, token=0))
    expected = run.question_record(0).answer.experts
    assert [row[2] for row in view.gates_pane.figure.data.rows] == expected.ravel().tolist()
    assert view.gates_pane.subtitle.whole_text == "answer position"
    assert all(row[3] is None for row in view.prompt.figure.data.rows)


def test_a_question_that_is_not_recorded_yet(session: Session, tmp_path: Path, show: Show) -> None:
    """Prompt and choices can be read; what is not there is said in a sentence."""
    run = SyntheticRun()
    open_run(session, tmp_path / "partial.h5", run, only=[0])
    session.set(replace(session.state, question=1))
    view = show(session)
    assert "not recorded" in view.header.outcome.text()
    for pane in (view.gates_pane, view.router_pane):  # and not to resume: it may be on its way
        assert pane.sentence.text() == "This question is not recorded yet."
    texts = [
        row.label.removeprefix(f"{letter}  ") for letter, row in zip("ABCD", view.choices.figure.rows, strict=True)
    ]
    assert texts == list(run.tokenised.questions[1].choices)
    assert len(view.prompt.strip.prompt.texts) == run.tokenised.prompt_length(1)
    session.set(replace(session.state, question=0))
    assert view.gates_pane.sentence.text() == ""


def test_a_recording_that_grows_fills_the_view(session: Session, tmp_path: Path, show: Show) -> None:
    """A refresh shows the question as soon as it is recorded."""
    run, path = SyntheticRun(), tmp_path / "growing.h5"
    open_run(session, path, run, only=[1])
    view = show(session)
    assert view.gates_pane.sentence.text()
    with TraceWriter(path) as writer:
        writer.write([run.question_record(0)])
    session.refresh()
    assert view.gates_pane.sentence.text() == ""
    expected = run.question_record(0).answer.experts
    assert [row[2] for row in view.gates_pane.figure.data.rows] == expected.ravel().tolist()


def test_a_failed_question_says_why(session: Session, tmp_path: Path, show: Show) -> None:
    """The reason stands in the header; no number is made up."""
    open_run(session, tmp_path / "failed.h5", SyntheticRun())
    session.set(replace(session.state, question=4))
    view = show(session)
    assert view.header.outcome.text() == "⚠ failed"
    assert "not finite" in view.header.details.whole_text
    assert view.choices_pane.subtitle.whole_text == ""
    assert all(row[2] is None for row in view.choices_pane.figure.data.rows)
    view.grab()


def test_damaged_tokens_leave_the_answer_position(session: Session, tmp_path: Path, show: Show) -> None:
    """A wrong checksum is said above the prompt, and the rest is shown."""
    run = SyntheticRun()
    path = record(tmp_path / "damaged.h5", run)
    flip(path, "tokens/weights", open_trace(path).dimensions.n_tokens - 1)
    session.open(path)
    session.set(replace(session.state, question=run.n_questions - 1, token=0))
    view = show(session)
    assert "damaged" in view.prompt.strip.note
    assert view.gates_pane.subtitle.whole_text == "answer position"


def test_a_damaged_question_shows_no_number(session: Session, tmp_path: Path, show: Show) -> None:
    """Where any of its rows is wrong, none of them is believed; the prompt is part of the plan."""
    run = SyntheticRun()
    path = record(tmp_path / "rotten.h5", run)
    flip(path, "answers/choice_logprobs", 1)
    session.open(path)
    session.set(replace(session.state, question=1))
    view = show(session)
    assert view.header.outcome.text() == "? damaged"
    for sentence in (view.gates_pane.sentence.text(), view.router_pane.sentence.text(), view.prompt.strip.note):
        assert sentence.startswith("This question is damaged (wrong checksum)")
    assert all(row[3] is None for row in view.prompt.figure.data.rows)
    assert len(view.prompt.strip.prompt.texts) == run.tokenised.prompt_length(1)


def test_a_quiz_without_gold_has_no_margin(session: Session, tmp_path: Path, show: Show) -> None:
    """The prediction is marked, and nothing is called right or wrong."""
    open_run(session, tmp_path / "open.h5", SyntheticRun())
    view = show(session)
    assert session.state.question == 0
    assert view.choices_pane.subtitle.whole_text == "The quiz names no right choice"
    marks = [row.sign for row in view.choices.figure.rows]
    assert sorted(marks) == ["", "", "", "predicted"]


def test_one_question_and_many_layers(session: Session, tmp_path: Path, show: Show, qtbot: QtBot) -> None:
    """48 layers scroll rather than being squeezed; the one looked at comes into sight."""
    open_run(session, tmp_path / "deep.h5", SyntheticRun(n_questions=1, n_layers=48, top_k=8, n_experts=128))
    view = show(session)
    assert gate(view, 47, 7).bottom() <= view.gates.viewport().height()
    assert gate(view, 0, 0).height() >= view.fontMetrics().height() - 2
    bar = view.gates_pane.scroll_area.verticalScrollBar()
    assert bar.value() == 0
    session.set(replace(session.state, layer=47))
    seen = view.gates.viewport().visibleRegion
    qtbot.waitUntil(lambda: seen().boundingRect().contains(gate(view, 47, 0).toRect()))


def test_options_are_kept_and_nonsense_is_passed_over(view: QuestionView) -> None:
    """What was chosen comes back; anything else leaves the defaults."""
    chosen = {"measure": "expert_weight", "whole_range": True, "folded": True, "renormalised": True, "heights": None}
    chosen |= {"folds": {"router": False}}
    view.set_options(chosen)
    assert view.options() == chosen | {"shows_map": False}
    wrong = {
        "measure": [],
        "whole_range": "yes",
        "folded": 3,
        "renormalised": 1,
        "heights": [1, "a"],
        "folds": {"a": 1},
    }
    view.set_options(wrong)
    assert view.options() == {
        "measure": "entropy",
        "whole_range": False,
        "folded": None,
        "renormalised": False,
        "heights": None,
        "folds": {},
        "shows_map": False,
    }


def test_a_low_view_folds_what_can_wait(view: QuestionView, qtbot: QtBot) -> None:
    """Gate weights and router leave the prompt their room; a click or Space unfolds them, and they stay so."""
    view.resize(340, 560)
    panes = (view.gates_pane, view.router_pane)
    assert all(pane.is_folded and pane.height() <= 40 for pane in panes)
    assert view.pages.height() > 250
    button = view.gates_pane.fold_button
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not view.gates_pane.is_folded
    assert view.gates_pane.height() > 80
    view.resize(340, 540)
    assert [pane.is_folded for pane in panes] == [False, True]
    qtbot.keyClick(button, Qt.Key.Key_Space)
    view.resize(340, 900)
    assert [pane.is_folded for pane in panes] == [True, False]
    assert view.options()["folds"] == {"gates": True}


def test_the_whole_range_goes_to_the_largest_entropy(view: QuestionView, trace: Trace) -> None:
    """Colours that can be compared between questions: 0 to ln K."""
    view.prompt.whole_range.setChecked(True)
    entropies = entropy_of(trace.token_routing(3).weights).mean(axis=1)
    share = entropies[2] / log(trace.dimensions.top_k)
    corner = view.prompt.strip.rectangles(2)[0].topLeft().toPoint() + QPoint(4, 2)
    assert _is_near(picture_of(view.prompt.strip).pixelColor(corner), tint(view.palette(), share))


def test_every_figure_can_be_exported(view: QuestionView) -> None:
    """SVG holds the tokens and expert numbers as text; every figure has data, caption and a menu."""
    figures = [figure for figure in view.findChildren(Figure) if figure.isVisible()]
    assert len(figures) == 4
    for figure in figures:
        assert figure.data.rows
        assert figure.caption
    assert b"following" in svg_of(view.prompt.figure)
    assert image_of(view.prompt.figure).width() == round(USUAL.width_mm * USUAL.dpi / 25.4)


def test_draws_only_when_it_can_be_seen(view: QuestionView) -> None:
    """Hidden, it waits; another filter is none of its business."""
    before = view.prompt.strip.prompt.texts
    view.hide()
    view.session.set(replace(view.state, question=9))
    assert view.prompt.strip.prompt.texts == before
    view.show()
    assert view.prompt.strip.prompt.texts != before


def _assert_filled(view: QuestionView, weights: np.ndarray) -> None:
    for (layer, rank), weight in np.ndenumerate(weights):
        share = bar_of(view.gates, view.gates.row_of(layer), rank + 1).width() / gate(view, layer, rank).width()
        assert share == pytest.approx(weight / weights.max(), abs=1e-5)


def _button(view: QuestionView, name: str) -> QToolButton:
    return next(button for button in view.findChildren(QToolButton) if button.accessibleName() == name)


def _sentence(view: QuestionView) -> str:
    return view._empty._sentence.text() if view._empty.isVisible() else ""


def _is_near(first: QColor, second: QColor) -> bool:
    return all(abs(a - b) <= 2 for a, b in zip(first.getRgb(), second.getRgb(), strict=True))
