"""What every expert is worth: predicted for all, measured for those that matter."""

from app.actions.action import Action, Menu, has_trace
from app.content.token_effects import is_missing, why_not
from app.window.main_window import MainWindow

SUSPECT_SHARE = 0.2


def _predict(window: MainWindow) -> None:
    window.show_view("effects")
    window.effect_maps.predict()


def _measure_selected(window: MainWindow) -> None:
    window.show_view("effects")
    window.effect_maps.measure_selected()


def _measure_suspects(window: MainWindow) -> None:
    window.show_view("effects")
    window.effect_maps.measure_suspects(SUSPECT_SHARE)


def _effect_by_token(window: MainWindow) -> None:
    _colour_tokens(window, measured=False)


def _measure_by_token(window: MainWindow) -> None:
    _colour_tokens(window, measured=True)


def _colour_tokens(window: MainWindow, *, measured: bool) -> None:
    from app.views.question.token_measures import BY_TOKEN, MEASURED_BY_TOKEN  # which bring pyqtgraph
    from app.views.question.view import QuestionView

    view = window.views["question"]
    assert isinstance(view, QuestionView)
    window.show_view("question")
    view.colour_tokens_by(MEASURED_BY_TOKEN if measured else BY_TOKEN)
    if is_missing(window.session.state, measured=measured):
        window.token_effects.start(measured=measured)


def _cost_tip(what: str) -> str:
    return f"{what}; what it costs is said before it begins, and it can be stopped at any time"


_ACTIONS = (
    Action(
        "predict_effects",
        "Predict effects",
        _cost_tip("Predict what masking each single expert does to the answers"),
        _predict,
        ("F6",),
        has_trace,
    ),
    Action(
        "measure_selected",
        "Measure the selected experts",
        _cost_tip("Measure exactly what masking each selected expert does, with intervals"),
        _measure_selected,
        ("Shift+F6",),
        lambda state: has_trace(state) and bool(state.experts),
    ),
    Action(
        "measure_suspects",
        "Measure the most suspect fifth",
        _cost_tip("Measure exactly the fifth of the experts that may harm most"),
        _measure_suspects,
        is_enabled=has_trace,
    ),
    Action(
        "effect_by_token",
        "Effect by token",
        "Colour the tokens of the question by what each adds to the predicted effect of the selected expert",
        _effect_by_token,
        ("Ctrl+F6",),
        lambda state: not why_not(state),
    ),
    Action(
        "measure_by_token",
        "Measure effect by token",
        _cost_tip("Mask the selected expert at one token of the question after the other, and run the model again"),
        _measure_by_token,
        ("Ctrl+Shift+F6",),
        lambda state: not why_not(state),
    ),
)
EFFECTS_MENU = Menu("Effects", (_ACTIONS,))
