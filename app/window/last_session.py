"""Puts the window back as it was when it was closed: its place, its docks, what its views were set to, its trace."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.window.docking import LAYOUT_VERSION

if TYPE_CHECKING:
    from app.window.main_window import MainWindow


def remember(window: "MainWindow") -> None:
    """Write down how the window is now."""
    settings, trace = window.settings, window.session.state.trace
    settings.put("last", str(trace.path.absolute()) if trace else "")
    settings.put("geometry", window.saveGeometry())
    settings.put("layout", window.saveState(LAYOUT_VERSION))
    for name, view in window.views.items():
        settings.put(f"view-{name}", view.options())
    settings.save()


def restore(window: "MainWindow") -> bool:
    """Put all but the trace back; False where no arrangement of the docks is known."""
    settings = window.settings
    window.restoreGeometry(settings.binary("geometry"))
    is_arranged = window.restoreState(settings.binary("layout"), LAYOUT_VERSION)
    window.message_bar.hide()  # it is a tool bar, and may have been open
    for name, view in window.views.items():
        view.set_options(settings.data(f"view-{name}"))
    return is_arranged


def reopen_last(window: "MainWindow") -> None:
    """Show the trace that was shown when the window was closed, where it is still there."""
    last = window.settings.text("last")
    with suppress(OSError, ValueError):  # a damaged settings file may name what can be no path
        if last and Path(last).exists():
            window.open_trace(Path(last))
