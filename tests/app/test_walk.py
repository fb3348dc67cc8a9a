"""One walk through the real window as a person takes it: demo, filter, cell, question, scope, and back."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.views.experts.view import ExpertsView
from app.views.questions.view import QuestionsView
from app.window.main_window import MainWindow
from moe_core.traces.reader import Trace, open_trace

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def independent(demo_path: Path) -> Iterator[Trace]:
    """The demo's trace, opened apart from the window."""
    with open_trace(demo_path) as trace:
        yield trace


def type_text(qtbot: QtBot, text: str) -> None:
    """Type where the cursor is."""
    focus = QApplication.focusWidget()
    assert focus is not None
    qtbot.keyClicks(focus, text)


def test_from_all_questions_to_those_of_one_expert_and_back(
    window: MainWindow, demo_path: Path, independent: Trace, qtbot: QtBot
) -> None:
    """What each step shows is what the trace holds."""
    window.open_trace(demo_path)
    questions, experts = window.views["questions"], window.views["experts"]
    assert isinstance(questions, QuestionsView)
    assert isinstance(experts, ExpertsView)
    session, ids = window.session, np.array(independent.ids)

    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    type_text(qtbot, "harvest feast")
    found = [row for row in range(len(ids)) if "harvest feast" in independent.texts[row].casefold()]
    qtbot.waitUntil(lambda: questions.rows_in_order() == found)

    answers = independent.answer_experts[found]  # [n, L, K]
    layer, expert = 1, int(np.bincount(answers[:, 1].ravel()).argmax())
    layout = experts.heat_map.layout_now()
    qtbot.mouseClick(experts.heat_map.viewport(), LEFT, pos=layout.cell_rectangle(layer, expert).center().toPoint())
    assert session.state.experts == {(layer, expert)}
    qtbot.keyClick(experts.heat_map, Qt.Key.Key_Return)
    users = [row for row in found if expert in independent.answer_experts[row, layer]]
    assert questions.rows_in_order() == users

    session_row = users[0]
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert session.state.question in users
    qtbot.keyClick(window, Qt.Key.Key_Space, Qt.KeyboardModifier.ShiftModifier)
    assert session.state.question == session_row

    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert session.state.scope == "prompt"
    in_prompt = [row for row in found if (independent.token_routing(row).experts[:, layer] == expert).any()]
    assert questions.rows_in_order() == in_prompt

    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert questions.rows_in_order() == found
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert len(questions.rows_in_order()) == len(ids)
