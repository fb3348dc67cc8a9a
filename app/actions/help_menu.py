"""Where a person finds out what there is."""

from app.action import Action, Menu
from app.dialogs.about import show_about

_FINDING = (
    Action(
        "palette",
        "Command palette",
        "Find any action by its name",
        lambda w: w.show_palette(),
        ("Ctrl+Shift+P",),
    ),
    Action(
        "shortcuts",
        "Keyboard shortcuts",
        "Every action with its keys",
        lambda w: w.show_shortcuts(),
        ("?", "F1"),
    ),
    Action("tour", "Show the tour", "Three hints on where to begin", lambda w: w.show_tour()),
)
_ABOUT = (Action("about", "About moescope", "Versions and licence", show_about),)
HELP_MENU = Menu("Help", (_FINDING, _ABOUT))
