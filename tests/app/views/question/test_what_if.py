"""The Question view beside a what-if: answers, experts and router probabilities before and after."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app import theme
from app.files.figures.formats import svg_of
from app.state.session import Session
from app.state.what_if_state import Mode, WhatIf
from app.views.question.comparison import comparison_note, read_both
from app.views.question.texts import margin_text
from app.views.question.view import QuestionView
from app.widgets.tint import tint
from moe_core.traces.reader import Trace, open_trace
from tests.app.bars import bar_of, bar_room, box_of
from tests.app.on_screen import on_screen
from tests.app.picture import picture_of
from tests.app.synthetic_what_if import RUN, show, synthetic_what_if

LETTERS = "ABCD"


@pytest.fixture
def compared(session: Session, demo_path: Path, demo_what_if: Path) -> WhatIf:
    """The demo beside a what-if without expert 1:25, at a question that it flips."""
    session.open(demo_path)
    what_if = show(session, demo_what_if, Mode.WHAT_IF, "1:25")
    session.set(replace(session.state, question=flipped_row(what_if)))
    return what_if


@pytest.fixture
def view(session: Session, compared: WhatIf, qtbot: QtBot) -> QuestionView:
    """The view on that question."""
    return shown(session, qtbot)


def flipped_row(what_if: WhatIf) -> int:
    """The first question that became wrong."""
    return what_if.before.table.ids.index(what_if.comparison.right_to_wrong[0])


def shown(session: Session, qtbot: QtBot) -> QuestionView:
    """A view of the session, on the screen."""
    return on_screen(QuestionView(session), qtbot, 420, 900)


def changed_tokens(before: Trace, after: Trace, row: int) -> np.ndarray:
    """In how many layers each token has another set of experts, token by token."""
    one, other = before.token_routing(row).experts, after.token_routing(row).experts
    was, now = (np.sort(side, axis=2) for side in (one, other))
    return np.array(
        [sum(tuple(a) != tuple(b) for a, b in zip(*pair, strict=True)) for pair in zip(was, now, strict=True)]
    )


@pytest.mark.parametrize("mode", [Mode.WHAT_IF, Mode.DIFFERENCE])
def test_choices_show_both_sides(
    view: QuestionView, session: Session, mode: Mode, demo_path: Path, demo_what_if: Path
) -> None:
    """Two bars a choice, whose right ends stand at the log-probabilities; both predictions are marked."""
    session.set(replace(session.state, mode=mode))
    row = session.state.question
    assert row is not None
    with open_trace(demo_path) as one, open_trace(demo_what_if) as other:
        before, after = one.choice_logprobs[row], other.choice_logprobs[row]
        predicted, gold = (int(one.predicted[row]), int(other.predicted[row])), int(one.gold[row])
    bars, lowest = view.choices.figure.rows, view.choices.figure.lowest
    full = bar_of(view.choices, 0, 0).width() / (1 - before[0] / lowest)
    for choice in range(4):
        one, other = bars[2 * choice : 2 * choice + 2]
        assert (one.value, other.value) == pytest.approx((before[choice], after[choice]))
        is_predicted = tuple("predicted" in bar.sign for bar in (one, other))
        assert is_predicted == (choice == predicted[0], choice == predicted[1])
        was, now = (bar_of(view.choices, 2 * choice + side, 0) for side in (0, 1))
        assert now.top() >= was.bottom()
        for box, value in ((was, before[choice]), (now, after[choice])):
            assert box.width() == pytest.approx(full * (1 - value / lowest), abs=0.5)
    assert bars[2 * gold].sign == "✓ gold, predicted"
    assert bars[2 * predicted[1] + 1].sign == "✗ predicted"
    rows = np.array([line[2:5] for line in view.choices_pane.figure.data.rows], float)
    np.testing.assert_allclose(rows, np.stack([before, after, after - before.astype(float)], axis=1), atol=1e-6)
    assert "what-if “1:25”" in view.choices_pane.figure.caption
    assert "→" in view.choices_pane.subtitle.whole_text


def test_bars_have_the_colours_of_their_sides(view: QuestionView) -> None:
    """Blue before, pink after, on the ground of the window."""
    image = picture_of(view.choices.viewport())
    base = view.choices.palette().color(view.choices.palette().ColorRole.Base)
    best = max(range(4), key=lambda choice: view.choices.figure.rows[2 * choice].value)
    for side, colour in enumerate((theme.BASELINE, theme.WHAT_IF)):
        box = bar_of(view.choices, 2 * best + side, 0)
        seen = QColor(image.pixel(round(box.left()) + 5, round(box.center().y())))
        assert seen == theme.blend(QColor(colour), base, 0.58)


def test_the_note_says_what_happened(view: QuestionView, session: Session, compared: WhatIf) -> None:
    """Choice, outcome and gold log-probability; hidden while the baseline alone is shown."""
    row = session.state.question
    assert row is not None
    before, after = compared.before.table, compared.after.table
    letters = LETTERS[before.predicted[row]], LETTERS[after.predicted[row]]
    change = after.gold_logprob[row] - before.gold_logprob[row]
    assert view.note.isVisible()
    assert view.note.text().startswith(f"What-if “1:25”: {letters[0]} → {letters[1]}, right → wrong, gold −")
    assert f"{abs(change):.2f} nats" in view.note.text()
    session.set(replace(session.state, mode=Mode.BASELINE))
    assert not view.note.isVisible()
    assert not view.choices.shown.cells.is_paired
    assert not view.gates.shown.cells.is_paired


def test_gates_stand_before_above_after(
    view: QuestionView, session: Session, demo_path: Path, demo_what_if: Path
) -> None:
    """For a chosen token: every layer has two lines, and experts on one side only are marked."""
    row = session.state.question
    assert row is not None
    with open_trace(demo_path) as one, open_trace(demo_what_if) as other:
        token = int(np.argmax(changed_tokens(one, other, row)))
        sides = one.token_routing(row), other.token_routing(row)
        experts = [side.experts[token].astype(int) for side in sides]
        weights = [side.weights[token].astype(float) for side in sides]
    session.set(replace(session.state, token=token))
    full = max(side.max() for side in weights)
    for layer in range(8):
        for line in (0, 1):
            for rank in range(2):
                place = view.gates.row_of(layer, line), rank + 1
                cell, fill = bar_room(view.gates, *place), bar_of(view.gates, *place)
                assert fill.width() == pytest.approx(cell.width() * weights[line][layer, rank] / full, abs=0.1)
                is_changed = experts[line][layer, rank] not in experts[1 - line][layer]
                shown = view.gates.shown.cells.rows[place[0]][place[1]]
                assert shown.is_framed == is_changed
                assert shown.text == f"{'+' if is_changed and line else ''}{experts[line][layer, rank]}"
                assert shown.is_struck == (is_changed and not line)
        assert bar_of(view.gates, 2 * layer + 1, 1).top() >= bar_of(view.gates, 2 * layer, 1).bottom()
    rows = list(view.gates_pane.figure.data.rows)
    assert [line[3] for line in rows] == np.stack(experts, axis=1).ravel().tolist()
    left = {(line[0], line[3]) for line in rows if line[-1] == "left"}
    came = {(line[0], line[3]) for line in rows if line[-1] == "came"}
    assert left == {(at, e) for at in range(8) for e in set(experts[0][at].tolist()) - set(experts[1][at].tolist())}
    assert came == {(at, e) for at in range(8) for e in set(experts[1][at].tolist()) - set(experts[0][at].tolist())}
    assert left
    assert came


def test_either_line_selects_its_expert(view: QuestionView, session: Session, qtbot: QtBot) -> None:
    """With the mouse, and with keys: down goes from before to after, then to the next layer."""
    gates = view.gates
    places = [gates.visualRect(gates.shown.index(gates.row_of(2, line), 1)).center() for line in (0, 1)]
    experts = {(row[0], row[1], row[2]): row[3] for row in view.gates_pane.figure.data.rows}
    for place, side in zip(places, ("before", "after"), strict=True):
        qtbot.mouseClick(gates.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert session.state.experts == {(2, experts[2, side, 1])}
    gates.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Return):
        qtbot.keyClick(gates, key)
    assert session.state.experts == {(2, experts[2, "before", 2])}
    for _ in range(2):
        qtbot.keyClick(gates, Qt.Key.Key_Down)
    assert session.state.layer == 3
    label = gates.visualRect(gates.shown.index(gates.row_of(5), 0)).center()
    qtbot.mouseClick(gates.viewport(), Qt.MouseButton.LeftButton, pos=label)
    assert session.state.layer == 5


def test_tokens_are_marked_and_coloured_by_changed_layers(
    view: QuestionView, session: Session, demo_path: Path, demo_what_if: Path
) -> None:
    """The measure counts layers with another set of experts; tokens with any are underlined whatever the measure is."""
    row = session.state.question
    assert row is not None
    with open_trace(demo_path) as one, open_trace(demo_what_if) as other:
        changed = changed_tokens(one, other, row)
    view.set_options({"measure": "changed"})
    assert [line[3] for line in view.prompt.figure.data.rows] == changed.tolist()
    assert view.note.text().endswith(f", {(changed > 0).sum()} of {len(changed)} tokens re-routed")
    view.set_options({"measure": "none"})
    image = picture_of(view.prompt.strip)
    for token in range(len(changed) - 1):  # the last one is the answer position, framed by the cursor
        box = view.prompt.strip.rectangles(token)[0]
        seen = QColor(image.pixel(round(box.left()) + 4, round(box.bottom()) - 2))
        assert (seen == QColor(theme.WHAT_IF)) == (changed[token] > 0), token


def test_other_measures_are_those_of_the_what_if(view: QuestionView, session: Session, demo_what_if: Path) -> None:
    """Entropy of the what-if's own gate weights; the caption names it."""
    row = session.state.question
    assert row is not None
    view.set_options({"measure": "layer_entropy"})
    session.set(replace(session.state, layer=5))
    with open_trace(demo_what_if) as after:
        weights = after.token_routing(row).weights[:, 5].astype(float)
    q = weights / weights.sum(-1, keepdims=True)
    found = [line[3] for line in view.prompt.figure.data.rows]
    np.testing.assert_allclose(found, -(q * np.log(np.maximum(q, 1e-30))).sum(-1), atol=2e-3)
    assert "what-if “1:25”" in view.prompt.figure.caption


def test_router_probabilities_stand_before_as_outlines(
    view: QuestionView, session: Session, demo_path: Path, demo_what_if: Path
) -> None:
    """Both on one axis: bars after, outlines before; the masked expert has no bar left."""
    row = session.state.question
    assert row is not None
    session.set(replace(session.state, layer=1))
    with open_trace(demo_path) as one, open_trace(demo_what_if) as other:
        before, after = (trace.router_probs[row, 1].astype(float) for trace in (one, other))
    assert view.router.figure.highest == pytest.approx(max(before.max(), after.max()))
    picture, baseline = picture_of(view.router), QColor(theme.BASELINE)
    for expert in range(32):
        top = box_of(view.router, expert, before[expert])
        rows = range(max(round(top.top()) - 2, 0), round(top.top()) + 3)
        assert baseline in [picture.pixelColor(round(top.center().x()), y) for y in rows], expert
    for expert in np.argsort(-after)[:2].tolist():
        box = box_of(view.router, expert, after[expert])
        left = round(box.left() + 0.4 * box.width())
        seen = [picture.pixelColor(left, round(y)) for y in (box.top() + 3, box.center().y())]
        assert all(colour in (tint(view.palette(), 1.0), QColor(theme.WHAT_IF)) for colour in seen)
    assert after[25] == 0 < before[25]
    rows = np.array([line[2:4] for line in view.router_pane.figure.data.rows], float)
    np.testing.assert_array_equal(rows, np.stack([before, after], axis=1))


def test_a_question_outside_the_what_if_says_so(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """In one sentence, and shows the baseline; so does one that failed on one side."""
    synthetic_what_if(session, tmp_path, only=range(3, 20))
    view = shown(session, qtbot)
    session.set(replace(session.state, question=1))
    assert view.note.text() == ("This question has no answer on one side of what-if “two off”: the baseline is shown.")
    assert not view.choices.shown.cells.is_paired
    assert not view.gates.shown.cells.is_paired
    session.set(replace(session.state, question=4))
    assert "no answer on one side" in view.note.text()
    session.set(replace(session.state, question=5))
    assert view.choices.shown.cells.is_paired
    assert view.gates.shown.cells.is_paired
    assert view.note.text().startswith("What-if “two off”: ")


def test_a_question_that_was_not_asked_again_is_told_from_one_that_failed(
    session: Session, demo_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    """A what-if over a subset plans fewer questions."""
    from moe_core.interventions.intervention import parse_mask
    from moe_core.jobs.what_if import Subset, WhatIfRequest, what_if
    from tests.job_results import result_of

    request = WhatIfRequest(demo_path, parse_mask("1:25"), Subset(sample=12, seed=1), tmp_path / "some.h5")
    path = result_of(what_if(request)).path
    session.open(demo_path)
    found = show(session, path, Mode.WHAT_IF, "some")
    view = shown(session, qtbot)
    asked = np.isin(np.arange(800), found.comparison.pairs.rows_before)
    rows = [int(np.flatnonzero(condition)[0]) for condition in (~asked, asked)]
    session.set(replace(session.state, question=rows[0]))
    assert view.note.text() == "This question was not part of what-if “some”: the baseline is shown."
    session.set(replace(session.state, question=rows[1]))
    assert view.choices.shown.cells.is_paired


@pytest.mark.parametrize("renormalised", [False, True])
def test_without_tokens_the_answer_position_is_compared(
    session: Session, tmp_path: Path, qtbot: QtBot, renormalised: bool
) -> None:
    """An answer-only trace marks no token, and says why the measure has no values."""
    synthetic_what_if(session, tmp_path, run=replace(RUN, keeps_tokens=False))
    session.set(replace(session.state, question=2, token=1))
    view = shown(session, qtbot)
    view.set_options({"measure": "changed", "renormalised": renormalised})
    assert view.gates.shown.cells.is_paired
    assert view.gates_pane.subtitle.whole_text == "answer position"
    assert "re-routed" not in view.note.text()
    assert view.prompt.strip.note
    view.grab()


def test_the_question_is_read_once_for_each_side(view: QuestionView, session: Session) -> None:
    """Going along tokens and layers, and from what-if to difference, reads nothing again."""
    content = view._content
    session.set(replace(session.state, token=2, layer=3, mode=Mode.DIFFERENCE))
    assert view._content is content


def test_without_a_right_choice_only_the_prediction_is_compared(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Neither outcome nor gold is spoken of, and no mark says right or wrong."""
    what_if = synthetic_what_if(session, tmp_path)
    session.set(replace(session.state, question=10))  # every fifth question has no gold answer
    view = shown(session, qtbot)
    choices = [LETTERS[int(side.trace.predicted[10])] for side in (what_if.before, what_if.after)]
    expected = " → ".join(choices) if choices[0] != choices[1] else f"still {choices[0]}"
    assert view.note.text().startswith(f"What-if “two off”: {expected}, ")
    assert view.note.text().endswith(" tokens re-routed")
    assert {row.sign for row in view.choices.figure.rows} == {"", "predicted"}


def test_a_low_dock_has_room_for_both_sides(view: QuestionView, session: Session) -> None:
    """Beside a what-if the view can be as low as a small window's dock; the choices scroll then."""
    assert view.body.minimumSizeHint().height() <= 600
    view.resize(330, 600)
    heights = view.splitter.sizes()
    assert all(height > 40 for height in heights[:2])
    assert view.choices.height() > view.choices_pane.scroll_area.viewport().height()


def test_figures_are_exported_with_both_sides(view: QuestionView) -> None:
    """Text stays text in the vector file, with the struck and the new experts among it."""
    came = next(row[3] for row in view.gates_pane.figure.data.rows if row[-1] == "came")
    assert f">+{came}<" in svg_of(view.gates_pane.figure).decode()
    assert "what-if" in svg_of(view.choices_pane.figure).decode()


def test_plain_text_has_no_answer_to_change(session: Session, compared: WhatIf) -> None:
    """No letter is said of a question without choices."""
    content = read_both(session.state)
    assert content is not None
    text = replace(content, choices=(), gold=-1)
    assert comparison_note(session.state, text).startswith("What-if “1:25”: plain text: nothing is answered")
    assert margin_text(text) == "Plain text: there are none"
