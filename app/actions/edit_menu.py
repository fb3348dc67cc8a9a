"""Undo and redo, and what is edited: the filter and the selection of experts."""

from dataclasses import replace

from app.actions.action import Action, Menu, change_state, has_trace
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import EVERYTHING


def _find_questions(window: MainWindow) -> None:
    window.show_view("questions")
    window.views["questions"].setFocus()


def _filter_by_experts(window: MainWindow) -> None:
    state = window.session.state
    change_state(window, filter=replace(state.filter, experts=tuple(sorted(state.experts))))


_TAKING_BACK = (
    Action(
        "undo",
        "Undo",
        "Take back the last edit of filter, selection or mask",
        lambda w: w.session.undo_stack.undo(),
        ("Ctrl+Z",),
    ),
    Action("redo", "Redo", "Do it again", lambda w: w.session.undo_stack.redo(), ("Ctrl+Shift+Z", "Ctrl+Y")),
)
_NARROWING = (
    Action("find", "Find questions", "Filter the questions by text", _find_questions, ("Ctrl+F",), has_trace),
    Action(
        "filter_by_experts",
        "Questions that use the selected experts",
        "Filter the questions by the selected cells",
        _filter_by_experts,
        ("Ctrl+Return",),
        lambda state: bool(state.experts),
    ),
    Action(
        "clear_filter",
        "Clear filter",
        "Show all questions",
        lambda w: change_state(w, filter=EVERYTHING),
        ("Ctrl+Shift+F",),
        lambda state: not state.filter.is_empty,
    ),
    Action(
        "clear_selection",
        "Clear selected experts",
        "Select no expert",
        lambda w: change_state(w, experts=frozenset()),
        is_enabled=lambda state: bool(state.experts),
    ),
)
EDIT_MENU = Menu("Edit", (_TAKING_BACK, _NARROWING))
