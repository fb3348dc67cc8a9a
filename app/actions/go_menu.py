"""Which question, and which of its tokens, is looked at."""

from app.action import Action, Menu, change_state, has_trace

_STEPS = (
    Action(
        "next_question",
        "Next question",
        "The next question of the list",
        lambda w: w.go_to_question(1),
        ("Space", "Alt+Down"),
        has_trace,
    ),
    Action(
        "previous_question",
        "Previous question",
        "The question before",
        lambda w: w.go_to_question(-1),
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
GO_MENU = Menu("Go", (_STEPS,))
