"""Right clicks offer the window's own actions for what is under the mouse, and act on it."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.views.experts.view import ExpertsView
from app.views.question.view import QuestionView
from app.views.questions.view import QuestionsView
from app.widgets.plots.grid_layout import Place
from app.window.main_window import MainWindow


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
