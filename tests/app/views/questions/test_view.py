"""The list of questions: what it shows is what the trace holds, and its filter is everybody's selection."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.files.figures.formats import save_figure
from app.state.session import Session
from app.views.questions.columns import STYLES
from app.views.questions.view import QuestionsView
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.app.on_screen import on_screen
from tests.traces.synthetic_run import SyntheticRun, record

COLUMN = {style.name: place for place, style in enumerate(STYLES)}
Show = Callable[[Session], QuestionsView]


@pytest.fixture
def show(qtbot: QtBot) -> Show:
    """Shows the view of a session, as wide as a side dock."""

    def shown(session: Session) -> QuestionsView:
        return on_screen(QuestionsView(session), qtbot, 330, 500)

    return shown


@pytest.fixture
def view(opened: Session, show: Show) -> QuestionsView:
    """The view of the tiny trace."""
    return show(opened)


def trace_of(view: QuestionsView) -> Trace:
    """The trace shown, opened anew."""
    assert view.state.trace is not None
    return open_trace(view.state.trace.path)


def column_texts(view: QuestionsView, name: str) -> list[str]:
    """What stands in a column, from top to bottom."""
    model = view.list.model()
    return [str(model.index(row, COLUMN[name]).data()) for row in range(model.rowCount())]


def ids_shown(view: QuestionsView) -> list[str]:
    """Ids of the questions, from top to bottom."""
    return column_texts(view, "id")


def click_heading(qtbot: QtBot, view: QuestionsView, name: str) -> None:
    """Click the heading of a column with the mouse."""
    header = view.list.horizontalHeader()
    view.list.horizontalScrollBar().setValue(header.sectionPosition(COLUMN[name]))
    place = QPoint(header.sectionViewportPosition(COLUMN[name]) + 12, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def place_of_row(view: QuestionsView, place: int) -> QPoint:
    """Where to click on a row."""
    return view.list.visualRect(view.list.model().index(place, 0)).center()


def margins(trace: Trace) -> np.ndarray:
    """Margin of each question [N], computed one by one."""
    found = []
    for logprobs, gold in zip(trace.choice_logprobs.astype(float), trace.gold, strict=True):
        others = [value for choice, value in enumerate(logprobs) if choice != gold and not np.isnan(value)]
        found.append(logprobs[gold] - max(others) if gold >= 0 and others else np.nan)
    return np.array(found)


def test_shows_one_row_a_question_with_what_the_trace_holds(view: QuestionsView) -> None:
    """Ids, texts, letters, symbols and lengths, in quiz order."""
    with trace_of(view) as trace:
        assert ids_shown(view) == list(trace.ids)
        assert column_texts(view, "question") == [" ".join(text.split()) for text in trace.texts]
        assert column_texts(view, "gold") == ["ABCDEFGHIJ"[gold] for gold in trace.gold]
        assert column_texts(view, "predicted") == ["ABCDEFGHIJ"[choice] for choice in trace.predicted]
        is_right = trace.gold == trace.predicted
        assert column_texts(view, "outcome") == ["✓" if right else "✗" for right in is_right]
        assert column_texts(view, "tokens") == [str(n) for n in trace.n_prompt_tokens]
        shown = [float(text.replace("−", "-")) for text in column_texts(view, "margin")]
        np.testing.assert_allclose(shown, margins(trace), rtol=5e-3)
    assert view.bar.count.text() == "24 of 24"


def test_a_click_on_a_heading_sorts_and_another_reverses(view: QuestionsView, qtbot: QtBot) -> None:
    """`rows_in_order` follows, and the question shown stays the same."""
    with trace_of(view) as trace:
        expected = np.argsort(margins(trace), kind="stable").tolist()
    click_heading(qtbot, view, "margin")
    assert view.rows_in_order() == expected
    assert view.list.current_row == 0
    click_heading(qtbot, view, "margin")
    assert view.rows_in_order() == expected[::-1]
    assert ids_shown(view) == [f"{view.state.trace.table.ids[row]}" for row in view.rows_in_order()]  # type: ignore[union-attr]


def test_what_has_no_margin_stands_last_whichever_way_it_is_sorted(
    session: Session, show: Show, tmp_path: Path
) -> None:
    """Failed, unscored and unrecorded questions; they are told apart by their symbols."""
    session.open(record(tmp_path / "some.h5", SyntheticRun(n_questions=9), only=[0, 1, 2, 3, 4, 6]))
    view = show(session)
    for descending in (False, True):
        view.list.sort_by(COLUMN["margin"], descending=descending)
        assert view.rows_in_order()[-5:] == [0, 4, 5, 7, 8]
    view.list.sort_by(COLUMN["number"], descending=False)
    symbols = column_texts(view, "outcome")
    assert [symbols[row] for row in (0, 4, 5, 7, 8)] == ["○", "!", "–", "–", "–"]
    assert [view.list.rows.is_faded(row) for row in range(9)] == [False] * 5 + [True, False, True, True]
    assert column_texts(view, "margin")[5] == "–"


def test_arrow_keys_and_clicks_choose_the_question(view: QuestionsView, qtbot: QtBot) -> None:
    """And the token looked at is the answer position again."""
    view.session.set(replace(view.state, token=3))
    view.list.setFocus()
    qtbot.keyClick(view.list, Qt.Key.Key_Down)
    assert (view.state.question, view.state.token) == (1, None)
    qtbot.keyClick(view.list, Qt.Key.Key_End)
    assert view.state.question == 23
    qtbot.keyClick(view.list, Qt.Key.Key_Home)
    assert view.state.question == 0
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place_of_row(view, 4))
    assert view.state.question == 4


def test_a_question_chosen_elsewhere_is_scrolled_to_without_the_focus(view: QuestionsView, qtbot: QtBot) -> None:
    """The columns stay where they are."""
    view.resize(330, 200)
    view.bar.search.setFocus()
    view.list.horizontalScrollBar().setValue(40)
    view.session.set(replace(view.state, question=20))
    assert view.list.current_row == 20
    assert view.list.viewport().rect().contains(place_of_row(view, 20).x() + 40, place_of_row(view, 20).y())
    assert view.bar.search.hasFocus()
    assert view.list.horizontalScrollBar().value() == 40


def test_what_is_typed_filters_after_a_pause_as_one_edit(view: QuestionsView, qtbot: QtBot) -> None:
    """One undo gives all questions back and empties the field."""
    qtbot.keyClicks(view.bar.search, "MULTI")
    assert view.state.filter.text == ""
    qtbot.waitUntil(lambda: view.state.filter.text == "MULTI")
    assert view.session.undo_stack.count() == 1
    with trace_of(view) as trace:
        assert ids_shown(view) == [name for name in trace.ids if "multi" in name]
    assert view.bar.count.text() == f"{len(ids_shown(view))} of 24"
    view.session.undo_stack.undo()
    assert (view.bar.search.text(), len(ids_shown(view))) == ("", 24)


def test_down_leads_from_the_search_to_the_list_and_esc_clears_it(view: QuestionsView, qtbot: QtBot) -> None:
    """What was typed counts at once on the way."""
    view.setFocus()
    assert view.bar.search.hasFocus()
    qtbot.keyClicks(view.bar.search, "subtraction")
    qtbot.keyClick(view.bar.search, Qt.Key.Key_Down)
    assert view.list.hasFocus()
    assert view.state.filter.text == "subtraction"
    assert view.state.question == view.rows_in_order()[0]
    view.setFocus()
    qtbot.keyClick(view.bar.search, Qt.Key.Key_Escape)
    assert (view.state.filter, view.bar.search.text()) == (QuestionFilter(), "")


def test_conditions_combine_and_go_one_by_one(view: QuestionsView, qtbot: QtBot) -> None:
    """Wrong ones of one subject; each chip takes its condition away."""
    wrong = view.bar.outcomes.buttons[1]
    qtbot.mouseClick(wrong, Qt.MouseButton.LeftButton)
    view.session.set(replace(view.state, filter=replace(view.state.filter, subjects=("addition",))))
    with trace_of(view) as trace:
        is_wrong = trace.gold != trace.predicted
        assert view.rows_in_order() == np.flatnonzero(is_wrong & (trace.subjects == "addition")).tolist()
    assert [chip.text() for chip in view.bar.chips.chips] == ["addition", "wrong"]
    qtbot.mouseClick(view.bar.chips.chips[0], Qt.MouseButton.LeftButton)
    assert view.state.filter == QuestionFilter(outcomes=(Outcome.WRONG,))
    qtbot.keyClick(view.bar.chips.chips[0], Qt.Key.Key_Delete)
    assert view.state.filter.is_empty
    assert not wrong.isChecked()
    assert not view.bar.chips.isVisible()


def test_subjects_are_found_and_checked_with_keys(view: QuestionsView, qtbot: QtBot) -> None:
    """Search, Down, Space; the number of questions stands beside each."""
    popup = view.bar.subjects
    qtbot.mouseClick(popup, Qt.MouseButton.LeftButton)
    field = popup.first_field()
    qtbot.keyClicks(field, "MULT")
    qtbot.keyClick(field, Qt.Key.Key_Down)
    chosen = QApplication.focusWidget()
    qtbot.keyClick(chosen, Qt.Key.Key_Space)
    assert view.state.filter.subjects == ("multiplication",)
    qtbot.keyClick(chosen, Qt.Key.Key_Space)
    assert view.state.filter.is_empty
    qtbot.keyClick(chosen, Qt.Key.Key_Escape)
    assert not popup.panel.isVisible()


def test_a_range_of_margins(view: QuestionsView, qtbot: QtBot) -> None:
    """With comma or point; what is no number is said, and changes nothing."""
    qtbot.mouseClick(view.bar.margin, Qt.MouseButton.LeftButton)
    low, high = view.bar.margin.panel.findChildren(QLineEdit)
    qtbot.keyClicks(low, "-1,5")
    qtbot.keyClick(low, Qt.Key.Key_Down)
    qtbot.keyClicks(high, "0")
    qtbot.keyClick(high, Qt.Key.Key_Down)
    assert (view.state.filter.margin_low, view.state.filter.margin_high) == (-1.5, 0.0)
    with trace_of(view) as trace:
        expected = margins(trace)
    assert view.rows_in_order() == np.flatnonzero((expected >= -1.5) & (expected <= 0)).tolist()
    qtbot.keyClicks(high, "x")
    qtbot.keyClick(high, Qt.Key.Key_Return)
    assert view.state.filter.margin_high == 0.0
    view.session.set(replace(view.state, filter=QuestionFilter()))
    assert (low.text(), high.text()) == ("", "")


def test_experts_are_typed_and_any_or_all_of_them_counts(view: QuestionsView, qtbot: QtBot) -> None:
    """Compared with the experts at the answer position of each question."""
    with trace_of(view) as trace:
        used = [{(layer, int(e)) for layer, row in enumerate(cells) for e in row} for cells in trace.answer_experts]
    first, second = sorted(used[0])[0], sorted(used[1])[-1]
    popup = view.bar.experts
    qtbot.mouseClick(popup, Qt.MouseButton.LeftButton)
    field = popup.first_field()
    qtbot.keyClicks(field, f"{first[0]}:{first[1]}, {second[0]}:{second[1]}")
    qtbot.waitUntil(lambda: len(view.state.filter.experts) > 0)
    assert view.rows_in_order() == [n for n, cells in enumerate(used) if first in cells or second in cells]
    both = next(button for button in popup.panel.findChildren(QAbstractButton) if button.text() == "All of them")
    qtbot.mouseClick(both, Qt.MouseButton.LeftButton)
    assert view.rows_in_order() == [n for n, cells in enumerate(used) if first in cells and second in cells]
    popup.panel.close()


def test_experts_stay_as_they_are_typed(view: QuestionsView, qtbot: QtBot) -> None:
    """A pause within a number changes nothing under the hands; the chip's removal empties the field."""
    popup = view.bar.experts
    qtbot.mouseClick(popup, Qt.MouseButton.LeftButton)
    field = popup.first_field()
    qtbot.keyClicks(field, "2:0, 0:1")
    qtbot.waitUntil(lambda: view.state.filter.experts == ((0, 1), (2, 0)))
    qtbot.keyClicks(field, "5")
    qtbot.waitUntil(lambda: view.state.filter.experts == ((0, 15), (2, 0)))
    popup.panel.close()
    qtbot.mouseClick(view.bar.chips.chips[0], Qt.MouseButton.LeftButton)
    assert field.text() == ""  # type: ignore[attr-defined]
    assert view.state.filter.is_empty


def test_an_expert_that_does_not_exist_is_said_where_it_is_typed(view: QuestionsView, qtbot: QtBot) -> None:
    """The filter stays as it is."""
    popup = view.bar.experts
    qtbot.mouseClick(popup, Qt.MouseButton.LeftButton)
    for typed, said in (("3:1", "layers 0-2"), ("0", "LAYER:EXPERT")):
        popup.first_field().clear()  # type: ignore[attr-defined]
        qtbot.keyClicks(popup.first_field(), typed)
        qtbot.keyClick(popup.first_field(), Qt.Key.Key_Return)
        assert said in popup.problem.text()
        assert popup.panel.isVisible()
    assert view.state.filter.is_empty
    popup.panel.close()


def test_the_selected_cells_can_be_taken(view: QuestionsView, qtbot: QtBot) -> None:
    """The field then names them."""
    view.session.set(replace(view.state, experts=frozenset({(1, 2), (0, 3)})))
    popup = view.bar.experts
    qtbot.mouseClick(popup, Qt.MouseButton.LeftButton)
    take = next(b for b in popup.panel.findChildren(QAbstractButton) if b.text() == "Take the 2 selected cells")
    qtbot.mouseClick(take, Qt.MouseButton.LeftButton)
    assert view.state.filter.experts == ((0, 3), (1, 2))
    assert popup.first_field().text() == "0:3, 1:2"  # type: ignore[attr-defined]
    popup.panel.close()


def test_a_filter_that_lets_nothing_pass_says_so_and_can_be_cleared(view: QuestionsView, qtbot: QtBot) -> None:
    """In the place of the table; the filter bar stays."""
    view.session.set(replace(view.state, filter=QuestionFilter(text="nowhere")))
    assert view.no_match.isVisible()
    assert view.bar.isVisible()
    assert not view.list.isVisible()
    assert view.rows_in_order() == []
    qtbot.mouseClick(view.no_match.button, Qt.MouseButton.LeftButton)
    assert view.state.filter.is_empty
    assert view.list.isVisible()


def test_selected_rows_are_copied_as_a_table(view: QuestionsView, qtbot: QtBot) -> None:
    """The columns that are shown, tabs between them; the ids alone from the menu."""
    view.list.setFocus()
    qtbot.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place_of_row(view, 2))
    qtbot.keyClick(view.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    with qtbot.waitSignal(view.figure.wanted) as wanted:  # which copies it, with an image
        qtbot.keyClick(view.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert wanted.args == [view.figure, "pointed"]
    lines = [line.split("\t") for line in view.figure.pointed_text.splitlines()]
    assert lines[0][:5] == ["Number", "Outcome", "Question", "Subject", "Margin (nats)"]
    assert [line[0] for line in lines[1:]] == ["3", "4"]
    with trace_of(view) as trace:
        assert float(lines[1][4]) == pytest.approx(margins(trace)[2])
        view.list.copy_column("id")
        assert QApplication.clipboard().text().splitlines() == list(trace.ids[2:4])


def test_the_table_is_saved_as_it_stands(view: QuestionsView, tmp_path: Path) -> None:
    """Filtered, sorted, without hidden columns, under a line that says what it is."""
    view.session.set(replace(view.state, filter=QuestionFilter(subjects=("addition",))))
    view.list.sort_by(COLUMN["margin"], descending=True)
    view.list.layout_of_columns.set_shown(COLUMN["tokens"], shown=False)
    save_figure(view.figure, tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text("utf-8").splitlines()
    for part in ("addition", "of 24", "sorted by Margin (nats), descending"):
        assert part in lines[0]
    assert "Tokens" not in lines[1]
    assert [int(line.split(",")[0]) - 1 for line in lines[2:]] == view.rows_in_order()
    assert len(lines) - 2 == 8


def test_sort_order_and_columns_are_remembered(view: QuestionsView, opened: Session, show: Show) -> None:
    """Nonsense is passed over."""
    view.list.sort_by(COLUMN["entropy"], descending=True)
    view.list.layout_of_columns.set_shown(COLUMN["gold"], shown=False)
    view.list.horizontalHeader().resizeSection(COLUMN["subject"], 133)
    kept = view.options()
    other = show(opened)
    other.set_options(kept)
    assert other.options() == kept
    assert other.rows_in_order() == view.rows_in_order()
    other.set_options({"sort": 3, "hidden": [1, "no such"], "order": "x", "widths": {"subject": "wide", "gold": -4}})
    other.set_options({"hidden": [style.name for style in STYLES], "widths": []})
    assert other.options()["sort"] == "entropy"
    assert other.list.horizontalHeader().sectionSize(COLUMN["subject"]) == 133


def test_tooltips_show_texts_letter_by_letter(view: QuestionsView) -> None:
    """Prompts come from strangers: what looks like markup is no markup."""
    model = view.list.model()
    table = view.list.rows.table
    texts = ("<img src=x>\nWhat?", *table.columns[COLUMN["question"]][1:])
    columns = tuple(texts if place == COLUMN["question"] else column for place, column in enumerate(table.columns))
    view.list.show_rows(replace(table, columns=columns), np.arange(24))
    cell = model.index(0, COLUMN["question"])
    assert cell.data(Qt.ItemDataRole.ToolTipRole).count("<img") == 0
    assert "&lt;img src=x&gt;\nWhat?" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert cell.data() == "<img src=x> What?"


def test_a_growing_trace_keeps_selection_and_place(session: Session, show: Show, tmp_path: Path) -> None:
    """New rows show their outcome; nothing else moves."""
    run = SyntheticRun(n_questions=40)
    path = record(tmp_path / "grows.h5", run, only=[0, 1])
    session.open(path)
    view = show(session)
    assert column_texts(view, "outcome")[:3] == ["○", view_symbol(run, 1), "–"]
    view.list.selectAll()
    view.list.verticalScrollBar().setValue(90)
    with TraceWriter(path) as writer:
        writer.write([run.question_record(2)])
    session.refresh()
    assert column_texts(view, "outcome")[2] == view_symbol(run, 2)
    assert len(view.list.selectionModel().selectedRows()) == 40
    assert view.list.verticalScrollBar().value() == 90
    assert view.bar.outcomes.buttons[3].isVisible()


def view_symbol(run: SyntheticRun, question: int) -> str:
    """Right or wrong, from what was recorded."""
    is_right = run.question_record(question).answer.predicted == run.tokenised.questions[question].gold
    return "✓" if is_right else "✗"


def test_one_question_and_answers_only(session: Session, show: Show, tmp_path: Path) -> None:
    """A trace without tokens is listed like any other; outcomes that cannot occur are not offered."""
    session.open(record(tmp_path / "one.h5", SyntheticRun(n_questions=1, n_prefixes=0, keeps_tokens=False)))
    view = show(session)
    assert view.bar.count.text() == "1 of 1"
    assert view.rows_in_order() == [0]
    assert [button.isVisible() for button in view.bar.outcomes.buttons] == [False, False, True, False, False, False]


def test_without_a_trace_the_view_says_what_fills_it(session: Session, show: Show) -> None:
    """And its order of rows is empty; closing a trace leads back there."""
    view = show(session)
    assert view.rows_in_order() == []
    assert not view.body.isVisible()


def test_every_control_has_a_name_and_says_what_it_does(view: QuestionsView) -> None:
    """For a screen reader, and for who hovers."""
    controls = [w for w in view.bar.findChildren(QWidget) if isinstance(w, (QAbstractButton, QLineEdit))]
    own = [control for control in controls if not isinstance(control.parent(), QLineEdit)]
    assert len(own) > 12
    for control in own:
        assert control.accessibleName() or getattr(control, "text", str)(), control
        assert control.toolTip(), control.accessibleName()


def test_keys_of_the_window_and_of_the_list_do_not_get_in_each_others_way(
    window: MainWindow, trace_path: Path, qtbot: QtBot
) -> None:
    """Ctrl+F searches, a blank is a blank there, Space goes on in the order of the list, and presses a button."""
    window.open_trace(trace_path)
    view = window.views["questions"]
    assert isinstance(view, QuestionsView)
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert view.bar.search.hasFocus()
    qtbot.keyClicks(view.bar.search, "is 1")
    qtbot.waitUntil(lambda: view.state.filter.text == "is 1")
    view.list.sort_by(COLUMN["entropy"], descending=True)
    rows = view.rows_in_order()
    assert 2 < len(rows) < 24
    qtbot.keyClick(view.bar.search, Qt.Key.Key_Down)
    qtbot.keyClick(view.list, Qt.Key.Key_Home)
    qtbot.keyClick(view.list, Qt.Key.Key_Space)
    assert view.state.question == rows[1]
    qtbot.keyClick(view.list, Qt.Key.Key_Space, Qt.KeyboardModifier.ShiftModifier)
    assert view.state.question == rows[0]
    right = view.bar.outcomes.buttons[0]
    right.setFocus()
    qtbot.keyClick(right, Qt.Key.Key_Space)
    assert view.state.filter.outcomes == (Outcome.RIGHT,)
    view.bar.experts.open()
    radio = next(b for b in view.bar.experts.panel.findChildren(QAbstractButton) if b.text() == "All of them")
    radio.setFocus()
    qtbot.keyClick(radio, Qt.Key.Key_Space)
    assert (radio.isChecked(), view.state.question) == (True, rows[0])
    view.bar.experts.panel.close()
    view.setFocus()
    qtbot.keyClick(view.bar.search, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (view.state.filter.outcomes, view.state.filter.text) == ((), "is 1")


def test_the_export_of_the_window_saves_the_table(window: MainWindow, trace_path: Path, tmp_path: Path) -> None:
    """With the focus in the search field or in the list, the table is the figure in use."""
    window.open_trace(trace_path)
    view = window.views["questions"]
    assert isinstance(view, QuestionsView)
    for field in (view.bar.search, view.list):
        field.setFocus()
        assert window.figure_in_use() is view.figure
    save_figure(view.figure, tmp_path / "table.svg")
    assert "Subject" in (tmp_path / "table.svg").read_text("utf-8")
