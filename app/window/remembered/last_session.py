"""Puts the window back as it was when it was closed: its place, its docks, what its views were set to, its trace."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from app.settings import Settings
from app.state.session import Session
from app.window.docking import LAYOUT_VERSION
from app.window.remembered import kept_state
from app.window.remembered.trace_memories import memory_path, write_memories

if TYPE_CHECKING:
    from app.view import View


def remember(window: QMainWindow, views: "Iterable[View]", session: Session, settings: Settings) -> None:
    """Write down how the window and its views are now, which trace is shown, and how every trace was left."""
    session.remember()
    write_memories(memory_path(settings), session.memories)
    trace = session.state.trace.path if session.state.trace else None
    settings.put("last", str(trace.absolute()) if trace else "")
    settings.put("workers", session.state.workers)
    settings.put("geometry", window.saveGeometry())
    settings.put("layout", window.saveState(LAYOUT_VERSION))
    kept_state.keep(session.state, settings)
    for view in views:
        settings.put(f"view-{view.name}", view.options())
    settings.save()


def restore(window: QMainWindow, session: Session, settings: Settings) -> bool:
    """Put all but views and trace back; False where no arrangement of the docks is known."""
    window.restoreGeometry(settings.binary("geometry"))
    kept_state.bring_back(session, settings)
    is_arranged = window.restoreState(settings.binary("layout"), LAYOUT_VERSION)
    return is_arranged


def last_trace(settings: Settings) -> Path | None:
    """The trace that was shown when the window was closed; None where it is no longer there."""
    last = settings.text("last")
    with suppress(OSError, ValueError):  # a damaged settings file may name what can be no path
        if last and Path(last).exists():
            return Path(last)
    return None
