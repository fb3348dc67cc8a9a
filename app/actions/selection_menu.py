"""What is selected by hand of what a token, a question, a subject or a flip goes through, and what is copied of it."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from app.actions.action import Action, Menu, change_state
from app.content.chosen_experts import subject_experts, token_experts
from app.content.mask_editing import with_experts
from app.state.state import State
from app.window.main_window import MainWindow
from moe_core.errors import MoeCoreError
from moe_core.measures.question_filter import EVERYTHING, Expert, QuestionFilter
from moe_core.measures.question_table import Outcome

Choice = Callable[[State], frozenset[Expert]]


def _has_question(state: State) -> bool:
    return state.question is not None


def _has_subject(state: State) -> bool:
    return bool(state.subject)


def _has_what_if(state: State) -> bool:
    return state.what_if is not None


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _open_menu(window: MainWindow) -> None:
    """As the menu key does, which many keyboards have not."""
    focus = QApplication.focusWidget()
    if focus is not None:
        at = focus.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
        place = (at if isinstance(at, QRect) else focus.rect()).center()
        event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, place, focus.mapToGlobal(place))
        QApplication.sendEvent(focus, event)


def _select(window: MainWindow, experts: Choice) -> None:
    try:
        change_state(window, experts=experts(window.session.state))
    except MoeCoreError as error:
        window.say(error)


def _mask(window: MainWindow, experts: Choice) -> None:
    state = window.session.state
    try:
        window.session.set(with_experts(state, state.intervention.experts | state.layers.experts(experts(state))))
    except MoeCoreError as error:
        window.say(error)


def _of_subject(state: State) -> frozenset[Expert]:
    return subject_experts(state, state.subject)


def _copy_experts(window: MainWindow) -> None:
    state = window.session.state
    _copy(",".join(map(state.layers.name, sorted(state.experts))))


def _copy_token(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None and state.question is not None:
        trace = state.trace.trace
        token = trace.prompt_token_ids(state.question)[-1 if state.token is None else state.token]
        _copy(trace.token_texts([int(token)])[0])


def _copy_question(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None and state.question is not None:
        _copy(state.trace.table.texts[state.question])


def _filter_chosen(window: MainWindow, *outcomes: Outcome) -> None:
    subject = window.session.state.subject
    change_state(window, filter=replace(EVERYTHING, subjects=(subject,), outcomes=outcomes))
    window.show_view("questions")


def _open_first(window: MainWindow, names: tuple[str, ...]) -> None:
    state = window.session.state
    if state.trace is not None and names:
        change_state(window, question=state.trace.table.ids.index(names[0]), token=None)
        window.show_view("question")


def _open_subject(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None:
        table = state.trace.table
        ids = (name for name, subject in zip(table.ids, table.subjects, strict=True) if subject == state.subject)
        _open_first(window, tuple(ids)[:1])


def _flips(state: State) -> tuple[str, ...]:
    made = state.what_if
    return () if made is None else (*made.comparison.right_to_wrong, *made.comparison.wrong_to_right)


def _changed(state: State) -> tuple[str, ...]:
    if state.what_if is None:
        return ()
    pairs = state.what_if.comparison.pairs
    changed = pairs.predicted_before != pairs.predicted_after
    return tuple(name for name, is_changed in zip(pairs.ids, changed.tolist(), strict=True) if is_changed)


def _filter_changed(window: MainWindow) -> None:
    state = window.session.state
    if state.what_if is not None:
        title = f"{state.what_if.title}: other answers"
        change_state(window, filter=QuestionFilter(ids=frozenset(_changed(state)), ids_title=title))


_MENU = (
    Action(
        "open_menu",
        "What can be done with it…",
        "Open the menu of a right click for the cell, row or token that the keyboard is on",
        _open_menu,
        ("Shift+F10",),
    ),
)
_OF_TOKENS = (
    Action(
        "select_token_experts",
        "Select the experts of this token",
        "Select where the token looked at was sent, in every layer; that of the answer where none is chosen",
        lambda w: _select(w, token_experts),
        is_enabled=_has_question,
    ),
    Action(
        "mask_token_experts",
        "Mask the experts of this token",
        "Put where the token looked at was sent, in every layer, into the mask",
        lambda w: _mask(w, token_experts),
        is_enabled=_has_question,
    ),
    Action(
        "copy_token", "Copy the token", "Copy the text of the token looked at", _copy_token, is_enabled=_has_question
    ),
    Action(
        "copy_question",
        "Copy the question",
        "Copy the text of the question looked at",
        _copy_question,
        is_enabled=_has_question,
    ),
)
_OF_SUBJECTS = (
    Action(
        "filter_chosen_subject",
        "Questions of the chosen subject",
        "Filter the questions to the subject chosen in a list of subjects",
        lambda w: _filter_chosen(w),
        is_enabled=_has_subject,
    ),
    Action(
        "filter_subject_wrong",
        "Wrong answers of the chosen subject",
        "Filter the questions to those of the chosen subject that were answered wrong",
        lambda w: _filter_chosen(w, Outcome.WRONG),
        is_enabled=_has_subject,
    ),
    Action(
        "open_subject",
        "Read the first question of the chosen subject",
        "Show it token by token",
        _open_subject,
        is_enabled=_has_subject,
    ),
    Action(
        "select_subject_experts",
        "Select the experts of the chosen subject",
        "In each layer the expert whose share of the subject's tokens is the furthest above that of all others'",
        lambda w: _select(w, _of_subject),
        is_enabled=_has_subject,
    ),
    Action(
        "mask_subject_experts",
        "Mask the experts of the chosen subject",
        "Put these into the mask, to see what the subject loses without them",
        lambda w: _mask(w, _of_subject),
        is_enabled=_has_subject,
    ),
    Action(
        "copy_subject",
        "Copy the chosen subject",
        "Copy its name",
        lambda w: _copy(w.session.state.subject),
        is_enabled=_has_subject,
    ),
)
_OF_FLIPS = (
    Action(
        "filter_changed",
        "Questions with another answer",
        "Filter the questions to those that the what-if answers otherwise, right or wrong",
        _filter_changed,
        is_enabled=_has_what_if,
    ),
    Action(
        "open_flip",
        "Read the first flip",
        "Show the first question that the what-if turned from right to wrong, or from wrong to right",
        lambda w: _open_first(w, _flips(w.session.state)),
        is_enabled=lambda state: bool(_flips(state)),
    ),
    Action(
        "copy_flips",
        "Copy the ids of the flips",
        "Copy the ids of all questions that the what-if turned, a line each",
        lambda w: _copy("\n".join(_flips(w.session.state))),
        is_enabled=lambda state: bool(_flips(state)),
    ),
)
_OF_EXPERTS = (
    Action(
        "copy_experts",
        "Copy the selected experts",
        "Copy their names, as the command line takes a mask: 1:25,2:3",
        _copy_experts,
        is_enabled=lambda state: bool(state.experts),
    ),
    Action(
        "clear_selection",
        "Clear selected experts",
        "Select no expert",
        lambda w: change_state(w, experts=frozenset()),
        is_enabled=lambda state: bool(state.experts),
    ),
)
SELECTION_MENU = Menu("Selection", (_MENU, _OF_TOKENS, _OF_SUBJECTS, _OF_FLIPS, _OF_EXPERTS))
