"""Keeps a person's notes beside the trace they are about: read as it is shown, written as they change."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.state.session import Session
from app.state.state import State
from moe_core.errors import MoeCoreError
from moe_core.traces.notes import Notes, read_notes, save_notes


class NoteFiles(QObject):
    """Follows a session; `say` tells what cannot be read or written. A file that cannot be read is never replaced."""

    def __init__(self, session: Session, say: Callable[[MoeCoreError], None], parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._say = session, say
        self._is_readable = True
        session.changed.connect(self._on_changed)

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            self._read(after)
        elif before.notes != after.notes and after.trace is not None and self._is_readable:
            try:
                save_notes(after.trace.path, after.notes)
            except MoeCoreError as error:
                self._say(error)

    def _read(self, state: State) -> None:
        self._is_readable, notes = False, Notes()  # what is shown now is not to be written back
        if state.trace is not None:
            try:
                notes = read_notes(state.trace.path, state.layers)
            except MoeCoreError as error:
                self._session.show_notes(notes)
                self._say(error)
                return
        self._session.show_notes(notes)
        self._is_readable = True
