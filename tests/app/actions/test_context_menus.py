"""Right clicks offer the window's own actions for what is under the mouse, and act on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.actions import MENUS
from app.content.chosen_experts import subject_experts, token_experts
from app.content.row_links import OFFERED
from app.state.session import Session
from app.views.effects.view import EffectsView
from app.views.expert.view import ExpertView
from app.views.experts.view import ExpertsView
from app.views.question.view import QuestionView
from app.views.questions.view import QuestionsView
from app.views.runs import view as runs
from app.views.traces import view as traces
from app.views.what_if.view import WhatIfView
from app.widgets.bars.table import BarTable
from app.widgets.figures.figure import Figure
from app.widgets.plots.grid.grid_layout import Place
from app.window.main_window import MainWindow
from tests.app.context_menu import offered, right_click
from tests.app.synthetic_effects import made_map
from tests.app.synthetic_what_if import synthetic_what_if
from tests.traces.synthetic_run import SyntheticRun, record


@pytest.fixture
def browsed(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace."""
    window.open_trace(trace_path)
    QApplication.processEvents()
    return window


def middle_of_row(bars: BarTable, row: int, column: int = 0) -> QPoint:
    """Of what it scrolls."""
    bars.reveal(row)
    return bars.visualRect(bars.shown.index(row, column)).center()


@pytest.fixture
def mapped(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace, whose effect map lies beside it."""
    made = made_map(trace_path)
    window.open_trace(trace_path)
    window.session.add_effect_maps((made,))
    trace = window.session.state.trace
    assert trace is not None
    used = int(trace.trace.answer_experts[2, 0, 0])
    window.session.set(replace(window.session.state, question=2, experts=frozenset({(0, used)})))
    QApplication.processEvents()
    return window


def bars_of_experts(window: MainWindow) -> dict[str, tuple[Figure, BarTable, int]]:
    """The lists of experts of all views, each with its figure and the column that is clicked."""
    effects, expert, question = (window.views[name] for name in ("effects", "expert", "question"))
    assert isinstance(effects, EffectsView)
    assert isinstance(expert, ExpertView)
    assert isinstance(question, QuestionView)
    return {
        "effects": (effects.experts.figure, effects.experts.bars, 0),
        "effects of an answer": (effects.answer.figure, effects.answer.bars, 0),
        "partners": (expert.partners.figure, expert.partners.bars, 0),
        "gates": (question.gates_pane.figure, question.gates, 1),
    }


def expert_named(text: str, window: MainWindow) -> tuple[int, int]:
    """The expert that a row of bars begins with, as the state has it."""
    layer, expert = text.split()[0].split(":")
    return window.session.state.layers.index(int(layer)), int(expert)


@pytest.mark.parametrize("name", ["effects", "effects of an answer", "partners", "gates"])
@pytest.mark.parametrize("by_keys", [False, True])
def test_an_expert_of_a_list_is_selected_and_masked(
    mapped: MainWindow, qtbot: QtBot, name: str, *, by_keys: bool
) -> None:
    """The one in the row that was clicked, or that the keyboard is on; by Shift+F10 the same menu opens there."""
    mapped.show_view({"partners": "expert", "gates": "question"}.get(name, "effects"))
    figure, bars, column = bars_of_experts(mapped)[name]
    qtbot.waitUntil(lambda: bars.shown.rowCount() > 2)
    QApplication.processEvents()
    text = bars.shown.cells.rows[2][column].text
    wanted = (2, int(text)) if name == "gates" else expert_named(text, mapped)
    if by_keys:
        bars.setFocus()
        bars.move_to(2, column)
        qtbot.keyClick(bars, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    else:
        right_click(bars, middle_of_row(bars, 2, column))
    found = offered(figure)
    assert list(found) == list(OFFERED["expert"])
    assert mapped.session.state.experts == {wanted}
    found["toggle_mask"].trigger()
    assert mapped.session.state.intervention.mask == mapped.session.state.layers.experts({wanted})


def test_the_menu_of_keys_is_about_the_cursor_wherever_the_mouse_is(browsed: MainWindow, qtbot: QtBot) -> None:
    """In the grid, among the router's bars and in the prompt, each on its cursor's own place."""
    experts, question = browsed.views["experts"], browsed.views["question"]
    assert isinstance(experts, ExpertsView)
    assert isinstance(question, QuestionView)
    browsed.session.set(replace(browsed.session.state, experts=frozenset({(1, 4)}), question=3, token=2))
    QApplication.processEvents()
    shift, f10 = Qt.KeyboardModifier.ShiftModifier, Qt.Key.Key_F10
    experts.heat_map.setFocus()
    experts.heat_map.hovered = Place(0, 0)
    qtbot.keyClick(experts.heat_map, f10, shift)
    assert "toggle_mask" in offered(experts.figure)
    assert browsed.session.state.experts == {(1, 4)}
    question.router.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(question.router, key)
    qtbot.keyClick(question.router, f10, shift)
    assert "toggle_mask" in offered(question.router_pane.figure)
    assert browsed.session.state.experts == {(browsed.session.state.layer, 2)}
    question.prompt.strip.setFocus()
    qtbot.keyClick(question.prompt.strip, f10, shift)
    assert list(offered(question.prompt.figure)) == list(OFFERED["token"])
    assert browsed.session.state.token == 2


def test_a_link_of_what_an_answer_hangs_on_gives_its_expert(mapped: MainWindow) -> None:
    """Selected by the right click, and masked by its first entry."""
    mapped.show_view("question")
    view = mapped.views["question"]
    assert isinstance(view, QuestionView)
    link = view.hangs_on.links[1]
    right_click(link, link.rect().center())
    found = offered(view.hangs_on)
    assert list(found) == list(OFFERED["expert"])
    assert mapped.session.state.experts == {expert_named(link.text(), mapped)}


def test_a_question_that_an_expert_weighs_most_in_is_read(mapped: MainWindow) -> None:
    """From the list of the Expert view."""
    mapped.show_view("expert")
    QApplication.processEvents()
    view = mapped.views["expert"]
    assert isinstance(view, ExpertView)
    bars = view.questions.bars
    right_click(bars, middle_of_row(bars, 1))
    assert list(offered(view.questions.figure)) == list(OFFERED["question"])
    trace = mapped.session.state.trace
    assert trace is not None
    table = view.questions.figure.rows
    assert mapped.session.state.question == trace.table.ids.index(str(table.rows[1][table.columns.index("id")]))


def test_a_cell_is_selected_and_masked(browsed: MainWindow) -> None:
    """The one under the mouse, not what was selected before; the same action as in the menus."""
    view = browsed.views["experts"]
    assert isinstance(view, ExpertsView)
    cell = view.heat_map.layout_now().cell_rectangle(2, 5).center().toPoint()
    view.heat_map.hovered = Place(0, 0)  # where the mouse was last seen is not where it was clicked
    right_click(view.heat_map, cell)
    found = offered(view.figure)
    assert list(found)[:3] == ["toggle_mask", "filter_by_experts", "open_expert"]
    assert browsed.session.state.experts == frozenset({(2, 5)})
    assert found["toggle_mask"] is browsed.findChild(QAction, "action-toggle_mask")
    found["toggle_mask"].trigger()
    assert browsed.session.state.intervention.mask == frozenset({(2, 5)})
    found["filter_by_experts"].trigger()
    assert browsed.session.state.filter.experts == ((2, 5),)


def test_a_question_gives_its_subject_and_its_experts(browsed: MainWindow) -> None:
    """From the row that was clicked."""
    view = browsed.views["questions"]
    assert isinstance(view, QuestionsView)
    view.list.row_chosen.emit(9)
    menu = QMenu(view)
    view.figure.fill_menu_at(menu, QPoint())
    found = {action.objectName().removeprefix("action-"): action for action in menu.actions()}
    found["select_token_experts"].trigger()
    trace = browsed.session.state.trace
    assert trace is not None
    expected = {(layer, expert) for layer, row in enumerate(trace.trace.answer_experts[9].tolist()) for expert in row}
    assert browsed.session.state.experts == expected
    found["filter_by_subject"].trigger()
    assert browsed.session.state.filter.subjects == (str(trace.table.subjects[9]),)
    assert not found["filter_right_to_wrong"].isEnabled()  # there is no what-if


def test_a_token_is_looked_at_and_gives_its_experts(browsed: MainWindow) -> None:
    """The one under the mouse."""
    view = browsed.views["question"]
    assert isinstance(view, QuestionView)
    strip = view.prompt.strip
    token = next(number for number in range(strip.prompt.last) if strip.rectangles(number))
    middle = strip.rectangles(token)[0].center()
    assert strip.part_at(QPointF(middle)) == token
    figure = view.prompt.figure
    figure.customContextMenuRequested.emit(strip.mapTo(figure, middle.toPoint()))
    found = offered(figure)
    assert browsed.session.state.token == token
    found["select_token_experts"].trigger()
    trace = browsed.session.state.trace
    assert trace is not None
    routed = trace.trace.token_routing(0).experts[token]
    assert browsed.session.state.experts == {(layer, int(routed[layer, k])) for layer, k in np.ndindex(routed.shape)}


def test_everything_offered_is_an_action_of_the_menus() -> None:
    """One table of actions: what a right click offers stands in the menus, and so in the palette."""
    known = {action.name for menu in MENUS for action in menu.actions}
    of_others = {*traces.OFFERED, *runs.OFFERED}
    assert set().union(*OFFERED.values(), of_others) - known == set()


def test_a_subject_gives_its_questions_and_its_experts(browsed: MainWindow) -> None:
    """From the expert's list of subjects: the one under the mouse."""
    state = replace(browsed.session.state, experts=frozenset({(0, 3)}))
    browsed.session.set(state)
    browsed.show_view("expert")
    QApplication.processEvents()
    view = browsed.views["expert"]
    assert isinstance(view, ExpertView)
    subject = str(view.subjects.figure.rows.rows[1][0])
    right_click(view.subjects.bars, middle_of_row(view.subjects.bars, 1))
    found = offered(view.subjects.figure)
    assert browsed.session.state.subject == subject
    found["select_subject_experts"].trigger()
    assert browsed.session.state.experts == subject_experts(browsed.session.state, subject)
    found["mask_subject_experts"].trigger()
    assert browsed.session.state.intervention.mask == browsed.session.state.experts
    found["open_subject"].trigger()
    trace = browsed.session.state.trace
    assert trace is not None
    assert browsed.session.state.question == trace.table.subjects.tolist().index(subject)
    found["copy_subject"].trigger()
    assert QGuiApplication.clipboard().text() == subject
    found["filter_subject_wrong"].trigger()
    assert browsed.session.state.filter.subjects == (subject,)


def test_experts_of_a_subject_are_those_that_others_use_least(session: Session, tmp_path: Path) -> None:
    """By a loop over layers and experts."""
    session.open(record(tmp_path / "trace.h5", SyntheticRun(n_questions=12)))
    state = session.state
    assert state.trace is not None
    experts = state.trace.trace.answer_experts  # [N, L, K]
    answered = [n for n in range(12) if n != 4]
    ours = [n for n in answered if n % 3 == 1]
    rest = [n for n in answered if n % 3 != 1]
    found = subject_experts(state, "subject_1")
    for layer in range(3):
        above = [
            np.mean([expert in experts[n, layer] for n in ours]) - np.mean([expert in experts[n, layer] for n in rest])
            for expert in range(8)
        ]
        assert (layer, int(np.argmax(above))) in found
    assert len(found) == 3
    assert subject_experts(state, "no such subject") == frozenset()


def test_flips_are_read_listed_and_copied(window: MainWindow, tmp_path: Path) -> None:
    """From the buttons of the result; a subject of the what-if from its row."""
    made = synthetic_what_if(window.session, tmp_path)
    window.show_view("what_if")
    QApplication.processEvents()
    view = window.views["what_if"]
    assert isinstance(view, WhatIfView)
    page = view.results.result
    page.flips["losses"].customContextMenuRequested.emit(QPoint(2, 2))
    found = offered(page)
    assert list(found) == list(OFFERED["flips"])
    found["copy_flips"].trigger()
    flips = [*made.comparison.right_to_wrong, *made.comparison.wrong_to_right]
    assert QGuiApplication.clipboard().text().splitlines() == flips
    found["open_flip"].trigger()
    assert made.before.table.ids[window.session.state.question or 0] == flips[0]
    found["filter_changed"].trigger()
    pairs = made.comparison.pairs
    changed = {pairs.ids[at] for at in np.flatnonzero(pairs.predicted_before != pairs.predicted_after)}
    assert window.session.state.filter.ids == changed
    view.results.tabs.setCurrentWidget(view.results.history)
    right_click(view.results.history.table, QPoint(20, 5))
    assert list(offered(view.results.history.figure)) == list(OFFERED["what_if"])
    view.results.subjects.selectRow(1)
    view.results.subject_figure.customContextMenuRequested.emit(QPoint(5, 30))
    assert "mask_subject_experts" in offered(view.results.subject_figure)
    assert window.session.state.subject == view.results.subjects.current_subject != ""


def test_a_token_is_copied_and_its_experts_masked(browsed: MainWindow) -> None:
    """The text alone; where it was sent in every layer goes to what is masked already, and undo takes it back."""
    browsed.session.set(replace(browsed.session.state, question=2, token=1))
    trace = browsed.session.state.trace
    assert trace is not None
    browsed.session.request("copy_token")
    (text,) = trace.trace.token_texts([int(trace.trace.prompt_token_ids(2)[1])])
    assert QGuiApplication.clipboard().text() == text
    browsed.session.request("mask_token_experts")
    assert browsed.session.state.intervention.mask == token_experts(browsed.session.state)
    browsed.session.request("copy_experts")
    browsed.session.request("undo")
    assert browsed.session.state.intervention.is_empty()


def test_a_trace_of_the_list_is_pinned_and_its_path_copied(browsed: MainWindow, trace_path: Path) -> None:
    """By the actions that its row offers, which are the menus' own."""
    view = browsed.views["traces"]
    names = [action.objectName().removeprefix("action-") for action in view.actions_named(*traces.OFFERED)]
    assert names == list(traces.OFFERED)
    browsed.session.set(replace(browsed.session.state, listed=trace_path))
    browsed.session.request("listed_copy")
    assert QGuiApplication.clipboard().text() == str(trace_path)
    browsed.session.request("listed_pin")
    assert browsed.session.state.pins.paths == (trace_path,)
