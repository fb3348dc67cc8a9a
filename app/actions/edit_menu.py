"""Undo and redo, and what is edited: the filter and the selection of experts."""

from dataclasses import replace

from app.actions.action import Action, Menu, change_state, has_trace
from app.state.state import State
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter
from moe_core.numbers.formatting import count


def _find_questions(window: MainWindow) -> None:
    window.show_view("questions")
    window.views["questions"].setFocus()


def _filter_by_experts(window: MainWindow) -> None:
    state = window.session.state
    change_state(window, filter=replace(state.filter, experts=tuple(sorted(state.layers.experts(state.experts)))))


def _filter_by_subject(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None and state.question is not None:
        subject = str(state.trace.table.subjects[state.question])
        change_state(window, filter=replace(state.filter, subjects=(subject,)))


def _filter_by_flips(window: MainWindow, way: str) -> None:
    made = window.session.state.what_if
    if made is not None:
        ids = made.comparison.right_to_wrong if way == "right → wrong" else made.comparison.wrong_to_right
        title = f"{made.title}: {count(len(ids))} {way}"
        change_state(window, filter=QuestionFilter(ids=frozenset(ids), ids_title=title))


def _flip_action(name: str, way: str) -> Action:
    return Action(
        name,
        f"Questions that went {way}",
        "Filter the questions to those whose answer the what-if changed this way",
        lambda w: _filter_by_flips(w, way),
        is_enabled=lambda state: state.what_if is not None,
    )


def _has_question(state: State) -> bool:
    return state.question is not None


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
        "filter_by_subject",
        "Questions of this subject",
        "Filter the questions to the subject of the one looked at",
        _filter_by_subject,
        is_enabled=_has_question,
    ),
    _flip_action("filter_right_to_wrong", "right → wrong"),
    _flip_action("filter_wrong_to_right", "wrong → right"),
    Action(
        "clear_filter",
        "Clear filter",
        "Show all questions",
        lambda w: change_state(w, filter=EVERYTHING),
        ("Ctrl+Shift+F",),
        lambda state: not state.filter.is_empty,
    ),
)
EDIT_MENU = Menu("Edit", (_TAKING_BACK, _NARROWING))
