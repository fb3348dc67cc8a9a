"""Right clicks offer the window's own actions for what is under the mouse, and act on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.actions import MENUS
from app.content.chosen_experts import subject_experts, token_experts
from app.content.row_links import OFFERED
from app.state.session import Session
from app.views.expert.view import ExpertView
from app.views.experts.view import ExpertsView
from app.views.question.view import QuestionView
from app.views.questions.view import QuestionsView
from app.views.runs import view as runs
from app.views.traces import view as traces
from app.views.what_if.view import WhatIfView
from app.widgets.plots.grid_layout import Place
from app.window.main_window import MainWindow
from tests.app.synthetic_what_if import synthetic_what_if
from tests.traces.synthetic_run import SyntheticRun, record


@pytest.fixture
def browsed(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace."""
    window.open_trace(trace_path)
    QApplication.processEvents()
    return window


def offered(widget: QWidget) -> dict[str, QAction]:
    """The window's actions in the menu that just opened, by their names."""
    (menu,) = [found for found in widget.findChildren(QMenu) if found.isVisible()]
    actions = {action.objectName().removeprefix("action-"): action for action in menu.actions() if action.objectName()}
    menu.hide()
    return actions


def test_a_cell_is_selected_and_masked(browsed: MainWindow) -> None:
    """The one under the mouse, not what was selected before; the same action as in the menus."""
    view = browsed.views["experts"]
    assert isinstance(view, ExpertsView)
    view.heat_map.hovered = Place(2, 5)
    view.figure.customContextMenuRequested.emit(QPoint(50, 50))
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
    bars = view.subjects.bars
    middle = bars.visualRect(bars.shown.index(1, 0)).center()
    view.subjects.figure.customContextMenuRequested.emit(
        view.subjects.figure.mapFromGlobal(bars.viewport().mapToGlobal(middle))
    )
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
