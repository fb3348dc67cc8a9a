"""The Expert view: what it shows of an expert is what the trace holds, and its lists lead on."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.state.session import Session
from app.views.expert.lists import share_text
from app.views.expert.token_lists import token_label
from app.views.expert.view import ExpertView
from app.widgets.bars.bar_list import BarList
from app.widgets.bars.section import BarSection
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace
from tests.app.bars import marked_row
from tests.app.on_screen import on_screen
from tests.traces.synthetic_run import SyntheticRun, record

CELL = (1, 5)
CTRL, LEFT = Qt.KeyboardModifier.ControlModifier, Qt.MouseButton.LeftButton
HALF_PRECISION = 2e-3


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> ExpertView:
    """The view on the tiny trace, of expert 1:5 over all tokens of the prompts."""
    opened.set(replace(opened.state, scope=Scope.PROMPT, experts=frozenset({CELL})))
    return shown(opened, qtbot)


def shown(session: Session, qtbot: QtBot) -> ExpertView:
    """A view of the session, on the screen, with all its lists filled."""
    made = on_screen(ExpertView(session), qtbot, 380, 1200)
    settle(made, qtbot)
    return made


def settle(view: ExpertView, qtbot: QtBot) -> None:
    """Wait until tokens are read."""
    qtbot.waitUntil(lambda: not view.is_waiting)


def open_trace_of(view: ExpertView) -> Trace:
    """The trace that is shown."""
    assert view.state.trace is not None
    return view.state.trace.trace


def cells(section: BarSection) -> list[list[str | float | int | None]]:
    """Rows of the table behind a section."""
    return [list(row) for row in section.figure.data.rows]


def labels(section: BarSection) -> list[str]:
    """What stands at the left of each row."""
    return [row.label for row in section.bars.figure.rows]


def middle_of(bars: BarList, row: int) -> QPoint:
    """A place in a row."""
    return bars.visualRect(bars.shown.index(row, 0)).center()


def texts(view: QWidget) -> list[str]:
    """Every text that can be seen."""
    return [label.text() for label in view.findChildren(QLabel) if label.isVisible()]


def tokens_of(
    trace: Trace, scope: Scope, questions: list[int]
) -> Iterator[tuple[int, int, NDArray[np.integer], NDArray[np.float64]]]:
    """Question, token id, experts [L, K] and q [L, K] of each token of the scope, read as `show` reads them."""
    for question in questions:
        routing, ids = trace.token_routing(question), trace.prompt_token_ids(question)
        first = {
            Scope.PROMPT: 0,
            Scope.QUESTION: len(ids) - int(trace.n_own_tokens[question]),
            Scope.ANSWER: len(ids) - 1,
        }
        for token in range(first[scope], len(ids)):
            weights = routing.weights[token].astype(np.float64)
            yield question, int(ids[token]), routing.experts[token], weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("scope", list(Scope))
def test_usage_by_subject_is_what_the_trace_holds(view: ExpertView, scope: Scope, qtbot: QtBot) -> None:
    """Share of a subject's tokens that chose the expert, sorted, against k / E; bars as long as that."""
    view.session.set(replace(view.state, scope=scope))
    trace = open_trace_of(view)
    served, total = Counter[str](), Counter[str]()
    for question, _, experts, _ in tokens_of(trace, scope, list(range(24))):
        total[trace.subjects[question]] += 1
        served[trace.subjects[question]] += int(CELL[1] in experts[CELL[0]])
    rows = {str(row[0]): row[1:] for row in cells(view.subjects)}
    assert {name: row[0] for name, row in rows.items()} == pytest.approx(
        {name: served[name] / total[name] for name in total}
    )
    assert {tuple(row[3:]) for row in rows.values()} == {(4 / 16, 8)}
    assert all(lower <= share <= upper for share, lower, upper, *_ in rows.values())
    faded = [row.is_faded for row in view.subjects.bars.figure.rows]
    assert faded == [lower <= 4 / 16 <= upper for _, lower, upper, *_ in rows.values()]
    values = [row.value for row in view.subjects.bars.figure.rows]
    assert values == sorted(values, reverse=True)
    assert [line.value for line in view.subjects.bars.figure.references] == [4 / 16]
    assert "24" in view.subjects.figure.caption
    settle(view, qtbot)


@pytest.mark.parametrize("scope", list(Scope))
def test_tokens_are_counted_over_the_scope(view: ExpertView, scope: Scope, qtbot: QtBot) -> None:
    """Times served, occurrences and summed weight of every token listed; the most frequent comes first."""
    view.session.set(replace(view.state, scope=scope))
    settle(view, qtbot)
    served, total, weight = Counter[int](), Counter[int](), Counter[int]()
    for _, token, experts, q in tokens_of(open_trace_of(view), scope, list(range(24))):
        hit = experts[CELL[0]] == CELL[1]
        served[token] += int(hit.any())
        weight[token] += float(q[CELL[0]][hit].sum())
        total[token] += 1
    rows = cells(view.tokens)
    assert len(rows) == min(12, sum(n > 0 for n in served.values()))
    for text, token, times, occurrences, share, summed in rows:
        assert (times, occurrences, share) == (served[token], total[token], served[token] / total[token])
        assert summed == pytest.approx(weight[token], rel=HALF_PRECISION)
        assert [text] == open_trace_of(view).token_texts([token])
    assert [row[2] for row in rows] == sorted(served.values(), reverse=True)[: len(rows)]


@pytest.mark.parametrize("scope", list(Scope))
def test_partners_are_counted_over_all_pairs(view: ExpertView, scope: Scope, qtbot: QtBot) -> None:
    """Of the tokens that chose the expert: those that chose the partner at any rank, too."""
    view.session.set(replace(view.state, scope=scope))
    settle(view, qtbot)
    together, used, n_tokens = Counter[int](), Counter[int](), 0
    for _, _, experts, _ in tokens_of(open_trace_of(view), scope, list(range(24))):
        chosen = set(experts[CELL[0]].tolist())
        used.update(chosen)
        n_tokens += 1
        if CELL[1] in chosen:
            together.update(chosen - {CELL[1]})
    n_served = used[CELL[1]]
    found = {str(row[0]): row[1:] for row in cells(view.partners)}
    top = sorted(together.values(), reverse=True)[:10]
    assert [row[0] for row in found.values()] == top
    for name, (both, share, chance, times, lower, upper, of_all, of_expert, of) in found.items():
        assert times == pytest.approx(share / chance)
        assert lower <= times <= upper
        partner = int(name.split(":")[1])
        assert (both, share, of_expert, of) == (together[partner], together[partner] / n_served, n_served, n_tokens)
        assert of_all == pytest.approx(used[partner] / n_tokens)
        assert chance == pytest.approx(used[partner] / n_tokens * 3 / (4 - n_served / n_tokens))
    shown = view.partners.bars.figure.rows
    assert [row.reference for row in shown] == [row[2] for row in found.values()]
    assert [row.is_faded for row in shown] == [row[4] <= 1 <= row[5] for row in found.values()]


def test_header_and_accuracy_are_those_of_the_definitions(view: ExpertView) -> None:
    """Accuracy is the mean of right answers weighted by m_n; rank counts from 1 within the layer."""
    trace = open_trace_of(view)
    m, used, n_tokens = np.zeros(24), np.zeros(16), np.zeros(24)
    for question, _, experts, q in tokens_of(trace, Scope.PROMPT, list(range(24))):
        m[question] += q[CELL[0]][experts[CELL[0]] == CELL[1]].sum()
        used[experts[CELL[0]]] += 1
        n_tokens[question] += 1
    m /= n_tokens
    right = trace.gold == trace.predicted
    expert, selection = cells(view.accuracy)
    assert expert[1] == pytest.approx(m @ right / m.sum(), rel=HALF_PRECISION)
    assert expert[5] == pytest.approx(m.sum(), rel=HALF_PRECISION)
    assert expert[4] == (m > 0).sum()
    assert selection[1:] == [pytest.approx(right.mean()), *selection[2:4], 24, 24]
    assert [line.value for line in view.accuracy.bars.figure.references] == pytest.approx([right.mean()])
    assert view.heading.title.text() == "Expert 1:5"
    share = used[CELL[1]] / n_tokens.sum()
    assert f"Used by {share * 100:.1f} %" in view.heading.numbers.text()
    assert f"rank {1 + (used > used[CELL[1]]).sum()} of 16 in layer 1" in view.heading.numbers.text()


def test_the_heaviest_questions_lead_to_the_question(view: ExpertView, qtbot: QtBot) -> None:
    """Sorted by weight; a click or Enter opens one, which is then marked."""
    trace = open_trace_of(view)
    weights = [row[4] for row in cells(view.questions)]
    assert weights == sorted(weights, reverse=True)
    bars = view.questions.bars
    qtbot.mouseClick(bars.viewport(), LEFT, pos=middle_of(bars, 3))
    row = view.state.question
    assert row is not None
    assert cells(view.questions)[3][:2] == [row + 1, trace.ids[row]]
    assert (marked_row(bars), view.state.token) == (3, None)
    assert bars.figure.rows[3].sign == ("✓" if trace.gold[row] == trace.predicted[row] else "✗")
    qtbot.keyClick(bars, Qt.Key.Key_Down)
    qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert marked_row(bars) == 4
    view.session.set(replace(view.state, question=None))
    assert marked_row(bars) == -1


def test_a_partner_is_selected_instead_or_as_well(view: ExpertView, qtbot: QtBot) -> None:
    """A click shows the partner; Ctrl adds it to the selection, and shows it with a switcher back."""
    bars = view.partners.bars
    second, third = labels(view.partners)[1:3]
    qtbot.mouseClick(bars.viewport(), LEFT, CTRL, middle_of(bars, 1))
    settle(view, qtbot)
    assert view.state.experts == {CELL, tuple(map(int, second.split(":")))}
    assert view.heading.title.text() == f"Expert {second}"
    assert view.heading.switcher.isVisible()
    choose(view.heading.switcher, "1:5", qtbot)
    settle(view, qtbot)
    assert view.heading.title.text() == "Expert 1:5"
    assert labels(view.partners)[1:3] == [second, third]
    qtbot.mouseClick(bars.viewport(), LEFT, pos=middle_of(bars, 2))
    assert view.state.experts == {tuple(map(int, third.split(":")))}
    assert not view.heading.switcher.isVisible()


def choose(box: QComboBox, text: str, qtbot: QtBot) -> None:
    """Choose an entry with the keyboard, as a person does."""
    qtbot.keyClick(box, Qt.Key.Key_Home)
    while box.currentText() != text:
        before = box.currentIndex()
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() != before, f"{text} is not offered"


def test_the_filter_is_followed(view: ExpertView, qtbot: QtBot) -> None:
    """Every list counts the selection alone, and the captions say which it is."""
    trace = open_trace_of(view)
    wanted = QuestionFilter(subjects=("addition",), outcomes=(Outcome.RIGHT, Outcome.WRONG))
    view.session.set(replace(view.state, filter=wanted))
    assert view.tokens.note.text().startswith("Reading")
    assert len(view.tokens.bars.figure.rows) == 0
    settle(view, qtbot)
    rows = np.flatnonzero(trace.subjects == "addition").tolist()
    n_tokens = sum(1 for _ in tokens_of(trace, Scope.PROMPT, rows))
    assert labels(view.subjects) == ["addition"]
    assert {row[2] for row in cells(view.questions)} == {"addition"}
    assert f"All {n_tokens} tokens of 8 questions" in view.tokens.note.text()
    assert cells(view.partners)[0][9] == n_tokens
    for section in (view.accuracy, view.subjects, view.tokens, view.partners, view.questions):
        assert "addition" in section.figure.caption
        assert "expert 1:5" in section.figure.caption


def test_another_filter_drops_what_is_being_read(view: ExpertView, qtbot: QtBot) -> None:
    """Only the newest selection's tokens are ever shown."""
    view.session.set(replace(view.state, filter=QuestionFilter(subjects=("addition",))))
    view.session.set(replace(view.state, filter=QuestionFilter(subjects=("subtraction",))))
    settle(view, qtbot)
    trace = open_trace_of(view)
    rows = np.flatnonzero(trace.subjects == "subtraction").tolist()
    assert cells(view.partners)[0][9] == sum(1 for _ in tokens_of(trace, Scope.PROMPT, rows))


def test_its_questions_become_the_filter(view: ExpertView, qtbot: QtBot) -> None:
    """The button by the questions filters by the expert that is shown, whatever else is selected."""
    view.session.set(replace(view.state, experts=frozenset({CELL, (0, 2)})))
    choose(view.heading.switcher, "1:5", qtbot)
    button = next(button for button in view.findChildren(QToolButton) if button.text() == "Filter")
    qtbot.mouseClick(button, LEFT)
    assert view.state.filter.experts == (CELL,)
    settle(view, qtbot)


def test_tokens_can_be_sorted_by_share_and_weight(view: ExpertView, qtbot: QtBot) -> None:
    """By share only tokens that occur five times or more."""
    order = next(box for box in view.findChildren(QComboBox) if box.accessibleName() == "Sort the tokens by")
    choose(order, "most exclusively", qtbot)
    rows = cells(view.tokens)
    shares = [row[4] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert min(row[3] for row in rows) >= 5
    assert [row.value for row in view.tokens.bars.figure.rows] == shares
    choose(order, "most weight", qtbot)
    weights = [row[5] for row in cells(view.tokens)]
    assert weights == sorted(weights, reverse=True)


def test_options_are_kept_and_nonsense_is_passed_over(view: ExpertView) -> None:
    """As they were set."""
    view.set_options({"token_order": "most weight", "all_subjects": True})
    assert view.options() == {"token_order": "most weight", "all_subjects": True}
    view.set_options({"token_order": ["x"], "all_subjects": 3, "more": None})
    assert view.options() == {"token_order": "most weight", "all_subjects": True}


def test_only_the_first_subjects_are_shown_until_all_are_wanted(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Where there are few, there is nothing to choose."""
    session.open(record(tmp_path / "few.h5", SyntheticRun(n_questions=9)))
    session.set(replace(session.state, experts=frozenset({(0, 0)})))
    view = shown(session, qtbot)
    box = view.findChild(QCheckBox)
    assert isinstance(box, QCheckBox)
    assert not box.isVisible()


def test_nothing_selected_nothing_open_nothing_passing(view: ExpertView, qtbot: QtBot) -> None:
    """One sentence each, and a button where there is something to be done."""
    view.session.set(replace(view.state, experts=frozenset()))
    assert texts(view) == ["Select an expert in the grid to see what it serves."]
    view.session.set(replace(view.state, experts=frozenset({CELL}), filter=QuestionFilter(text="no such text")))
    assert texts(view) == ["No answered question passes the filter."]
    view.session.set(replace(view.state, filter=EVERYTHING))
    settle(view, qtbot)
    assert "Expert 1:5" in texts(view)
    view.session.close()
    assert texts(view) == ["Open a trace to see what its experts do."]


def test_an_expert_that_is_never_used_says_so(view: ExpertView, qtbot: QtBot) -> None:
    """Its lists are empty with a sentence, its subjects zero."""
    view.session.set(replace(view.state, scope=Scope.ANSWER))
    trace = open_trace_of(view)
    layer, expert = next(
        (layer, expert)
        for layer in range(3)
        for expert in range(16)
        if not (trace.answer_experts[:, layer] == expert).any()
    )
    view.session.set(replace(view.state, experts=frozenset({(layer, expert)})))
    settle(view, qtbot)
    assert view.heading.numbers.text().startswith("Never used: none of 24 answer positions")
    assert {row.value for row in view.subjects.bars.figure.rows} == {0}
    for section in (view.tokens, view.partners, view.questions):
        assert section.bars.figure.rows == ()
        assert section.note.text().startswith(("None", "No "))
    assert labels(view.accuracy) == ["Selection"]


def test_an_answer_only_trace_falls_back_to_the_answer_position(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Usage is of the whole prompt, whose sums are kept; tokens and partners are counted at the answer, and say so."""
    session.open(record(tmp_path / "answer.h5", SyntheticRun(n_questions=9, keeps_tokens=False)))
    trace = session.state.trace
    assert trace is not None
    expert = int(trace.trace.answer_experts[0, 1, 0])
    session.set(replace(session.state, scope=Scope.PROMPT, experts=frozenset({(1, expert)})))
    view = shown(session, qtbot)
    assert "answer position only" in view.tokens.note.text()
    answered = [row for row in range(9) if row != 4]
    ids = [
        int(trace.trace.prompt_token_ids(row)[-1]) for row in answered if expert in trace.trace.answer_experts[row, 1]
    ]
    assert Counter(ids) == {row[1]: row[2] for row in cells(view.tokens)}
    assert cells(view.partners)[0][8:] == [len(ids), 8]


def test_a_partial_trace_shows_what_is_recorded_and_grows(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Failed and unrecorded questions are left out; new rows are counted."""
    from moe_core.traces.writing.writer import TraceWriter

    run = SyntheticRun(n_questions=9)
    session.open(record(tmp_path / "part.h5", run, only=[1, 3, 4]))
    session.set(replace(session.state, scope=Scope.QUESTION, experts=frozenset({(0, 1)})))
    view = shown(session, qtbot)
    assert "of 2 questions" in view.heading.numbers.text()
    with TraceWriter(tmp_path / "part.h5") as writer:
        writer.write([run.question_record(5), run.question_record(6)])
    session.refresh()
    assert "of 4 questions" in view.heading.numbers.text()
    qtbot.waitUntil(lambda: "of 4 questions" in view.tokens.note.text())


def test_a_trace_with_nothing_recorded_says_so(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Without the offer to clear a filter that is not there."""
    session.open(record(tmp_path / "none.h5", SyntheticRun(), only=[]))
    session.set(replace(session.state, experts=frozenset({(0, 1)})))
    view = ExpertView(session)
    qtbot.addWidget(view)
    view.show()
    assert texts(view) == ["No question of this trace is answered yet."]


def test_a_quiz_without_right_answers_has_no_accuracy(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """A sentence in its place; the rest is there."""
    session.open(record(tmp_path / "gold.h5", SyntheticRun(n_questions=6)))
    assert session.state.trace is not None
    without = [
        name
        for name, gold in zip(session.state.trace.table.ids, session.state.trace.trace.gold, strict=True)
        if gold < 0
    ]
    wanted = QuestionFilter(ids=frozenset(without))
    session.set(replace(session.state, scope=Scope.PROMPT, experts=frozenset({(0, 1)}), filter=wanted))
    view = shown(session, qtbot)
    assert view.accuracy.note.text() == "The quiz names no right answers: nothing to score."
    assert view.subjects.bars.figure.rows


def test_opening_another_trace_while_reading_is_harmless(view: ExpertView, trace_path: Path, qtbot: QtBot) -> None:
    """Also when the view cannot be seen: the old file is not read any more."""
    view.session.set(replace(view.state, filter=QuestionFilter(subjects=("addition",))))
    view.hide()
    view.session.open(Path(shutil.copy(trace_path, trace_path.with_name("another.h5"))))
    view.session.set(replace(view.state, experts=frozenset({CELL})))
    QApplication.processEvents()
    view.show()
    settle(view, qtbot)
    assert "24 questions" in view.tokens.note.text()


def test_a_file_cut_short_while_it_is_shown_is_said_where_tokens_would_stand(
    opened: Session, trace_path: Path, qtbot: QtBot
) -> None:
    """No unexpected error: what was read before stays, and the list says why there is none."""
    data = opened.state.trace
    assert data is not None
    opened.set(replace(opened.state, scope=Scope.PROMPT, experts=frozenset({CELL})))
    data.sample(Scope.PROMPT, EVERYTHING)  # as another view has done
    os.truncate(trace_path, 1000)
    view = shown(opened, qtbot)
    settle(view, qtbot)
    assert "was cut short" in view.tokens.note.text()
    assert labels(view.tokens) == []


def test_used_hardly_is_told_from_never() -> None:
    """A share that rounds to 0.0 % is not nothing."""
    assert [share_text(share) for share in (0.0, 0.0004, 0.0006, 1.0)] == ["0.0 %", "< 0.1 %", "0.1 %", "100.0 %"]


def test_tokens_show_their_blanks() -> None:
    """At both ends, and nothing but blanks; inside they are what they are."""
    assert [token_label(text) for text in (" a b ", "\n", "  ", "", "x")] == ["·a b·", "↵", "··", "∅", "x"]


def test_fits_beside_the_grid_in_a_small_window(view: ExpertView) -> None:
    """No wider than the side docks of 1280 pixels."""
    view.session.set(replace(view.state, experts=frozenset({CELL, (0, 2)})))
    assert view.body.minimumSizeHint().width() <= 320


def test_a_long_name_makes_no_view_wider(view: ExpertView) -> None:
    """It has a line of its own, and goes on in another; nothing at the right is cut off."""
    view.session.set(replace(view.state, experts=frozenset({(1, 2), (2, 3)}), layer=1))
    name = "the festivals of the north and those of the south"
    view.session.set(replace(view.state, names={(1, 2): name}))
    view.resize(320, 600)
    QApplication.processEvents()
    assert name in view.heading.title.text()
    assert view.heading.width() <= 320
    assert view.heading.switcher.y() >= view.heading.title.geometry().bottom()
    view.session.set(replace(view.state, names={}))
    QApplication.processEvents()
    assert view.heading.switcher.y() < view.heading.title.geometry().bottom()
