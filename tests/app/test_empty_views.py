"""What stands in a view that has nothing to show: a sentence, and the button that changes that."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.view import View
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter
from tests.app.synthetic_what_if import synthetic_what_if

OF_A_TRACE = ("questions", "experts", "ranking", "question", "entropy", "expert", "what_if", "experiments")
OF_A_SELECTION = ("experts", "ranking", "entropy")


def wanted(window: MainWindow, view: View, qtbot: QtBot) -> list[object]:
    """What the one button of an empty view asks for."""
    assert not view.body.isVisible()
    (button,) = (button for button in view.findChildren(QPushButton) if button.isVisible())
    with qtbot.waitSignal(window.session.requested) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    return list(asked.args)


@pytest.mark.parametrize("name", OF_A_TRACE)
def test_without_a_trace_a_view_offers_to_open_one(window: MainWindow, qtbot: QtBot, name: str) -> None:
    """Also where the first page was left by hand."""
    window.start_page.leave()
    window.show_view(name)
    window.session.requested.disconnect()
    assert wanted(window, window.views[name], qtbot) == ["open"]


@pytest.mark.parametrize("name", OF_A_SELECTION)
@pytest.mark.parametrize("is_compared", [False, True])
def test_an_empty_selection_offers_to_clear_the_filter(
    window: MainWindow, trace_path: Path, tmp_path: Path, qtbot: QtBot, name: str, is_compared: bool
) -> None:
    """Nothing passes the filter, or nothing that was compared; what is shown comes back with the questions."""
    assert window.open_trace(trace_path)
    if is_compared:
        synthetic_what_if(window.session, tmp_path, only=range(10, 20))
    window.show_view(name)
    chosen = QuestionFilter(ids=frozenset({"q1"})) if is_compared else QuestionFilter(text="no question says this")
    window.session.set(replace(window.session.state, filter=chosen))
    assert wanted(window, window.views[name], qtbot) == ["clear_filter"]
    qtbot.waitUntil(lambda: window.session.state.filter == EVERYTHING and window.views[name].body.isVisible())
