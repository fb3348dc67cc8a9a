"""Where a person finds out what there is."""

from app.actions.action import Action, Menu
from app.actions.palette import open_palette
from app.dialogs.about import show_about
from app.dialogs.shortcut_sheet import ShortcutSheet

_FINDING = (
    Action(
        "palette",
        "Command palette",
        "Find an action, metric, view, subject, question or expert by its name",
        open_palette,
        ("Ctrl+Shift+P",),
    ),
    Action(
        "shortcuts",
        "Keyboard shortcuts",
        "Every action with its keys",
        lambda w: ShortcutSheet(w.actions(), w).open(),
        ("?", "F1"),
    ),
    Action("tour", "Show the tour", "Four hints on where to begin", lambda w: w.tour.start()),
)
_ABOUT = (Action("about", "About moescope", "Versions and licence", show_about),)
HELP_MENU = Menu("Help", (_FINDING, _ABOUT))
