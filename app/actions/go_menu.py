"""Which question, which of its tokens, and which view is looked at."""

from typing import Any

from app.actions.action import Action, Menu, change_state, has_trace
from app.views import VIEWS, Place
from app.window.main_window import MainWindow


def _step(window: MainWindow, step: int) -> None:
    questions: Any = window.views["questions"]
    rows: list[int] = questions.rows_in_order()
    if not rows:
        return
    question = window.session.state.question
    place = rows.index(question) + step if question in rows else 0
    change_state(window, question=rows[min(max(place, 0), len(rows) - 1)], token=None)


_STEPS = (
    Action(
        "next_question",
        "Next question",
        "The next question of the list",
        lambda w: _step(w, 1),
        ("Space", "Alt+Down"),
        has_trace,
    ),
    Action(
        "previous_question",
        "Previous question",
        "The question before",
        lambda w: _step(w, -1),
        ("Shift+Space", "Alt+Up"),
        has_trace,
    ),
    Action(
        "answer_position",
        "Answer position",
        "Look at the token whose output predicts the letter",
        lambda w: change_state(w, token=None),
        ("Alt+Home",),
        has_trace,
    ),
)


def _key_of(number: int) -> str:
    """Ctrl+1 to Ctrl+9 and Ctrl+0, then the same with Alt; none where digits end."""
    return f"Ctrl+{number % 10}" if number <= 10 else f"Ctrl+Alt+{number % 10}" if number <= 20 else ""


def _view_action(view: Place, number: int) -> Action:
    return Action(
        f"view_{view.name}",
        view.title,
        f"Bring {view.title} to the front, and the keyboard into it",
        lambda window: window.enter_view(view.name),
        (_key_of(number),),
    )


_DETAILS = (
    Action(
        "open_expert",
        "Open the selected expert",
        "Show what the selected expert serves: subjects, tokens, questions",
        lambda w: w.enter_view("expert"),
        is_enabled=lambda state: bool(state.experts),
    ),
    Action(
        "open_question",
        "Read the question",
        "Show the question token by token",
        lambda w: w.enter_view("question"),
        is_enabled=lambda state: state.question is not None,
    ),
)
_VIEWS = tuple(_view_action(view, number) for number, view in enumerate(VIEWS, start=1))
GO_MENU = Menu("Go", (_STEPS, _DETAILS, _VIEWS))
