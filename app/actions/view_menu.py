"""The scope, the colours and the layout; the window adds a menu of the views."""

from app.actions.action import Action, Menu, change_state, has_trace
from moe_core.measures.scope import Scope


def _scope_action(scope: Scope, number: int) -> Action:
    return Action(
        f"scope_{scope}",
        f"Scope: {scope}",
        f"Count {scope.meaning}",
        lambda window: change_state(window, scope=scope),
        (f"Alt+{number}",),
        has_trace,
    )


_SCOPES = tuple(_scope_action(scope, number) for number, scope in enumerate(Scope, start=1))
_COLOURS = (
    Action(
        "theme_system",
        "Colours of the system",
        "Light or dark as the desktop is",
        lambda w: w.set_scheme("system"),
    ),
    Action("theme_light", "Light colours", "Dark text on light ground", lambda w: w.set_scheme("light")),
    Action("theme_dark", "Dark colours", "Light text on dark ground", lambda w: w.set_scheme("dark")),
)
_LAYOUT = (Action("reset_layout", "Reset layout", "Put every view back to its place", lambda w: w.reset_layout()),)
VIEW_MENU = Menu("View", (_SCOPES, _COLOURS, _LAYOUT))
