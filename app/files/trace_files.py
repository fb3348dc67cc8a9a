"""What a person does with the files of the library: open, compare with, show in the file manager, delete."""

import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.content.remedies import Say
from app.settings import Settings
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import WhatIf
from moe_core.effects.maps_beside import delete_maps, maps_of
from moe_core.errors import MoeCoreError
from moe_core.traces.library import delete_trace
from moe_core.traces.reader import open_trace

log = logging.getLogger(__name__)


class TraceFiles(QObject):
    """Answers `Session.path_requested`; whatever cannot be done is said in one sentence.

    `show_trace` opens a trace, `compare` compares the one shown with another; both say what they cannot do.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        parent: QWidget,
        *,
        show_trace: Callable[[Path], object],
        compare: Callable[[Path], object],
        say: Say,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._widget = parent
        self._compare = compare
        self._say = say
        self._does: dict[str, Callable[[Path], object]] = {
            "open": show_trace,
            "compare": self.toggle_comparison,
            "pin": self.pin,
            "copy": lambda path: QGuiApplication.clipboard().setText(str(path)),
            "reveal": self.reveal,
            "delete": self.ask_and_delete,
        }
        session.path_requested.connect(self._on_requested)

    def toggle_comparison(self, path: Path) -> None:
        """Compare what is shown with this trace; if that is done already, with none."""
        state = self._session.state
        if state.what_if is not None and _is(state.what_if.after, path):
            self._session.set(replace(state, what_if=None))
        elif state.trace is None:
            self._say("Open the trace that it is to be compared with first.")
        elif _is(state.trace, path):
            self._say(f"{path.name} is the trace shown: choose another one to compare it with.")
        else:
            self._compare(path)

    def pin(self, path: Path) -> None:
        """Put the trace side by side with other runs, as an edit that can be undone."""
        state, path = self._session.state, path.absolute()
        self._session.set(replace(state, pins=state.pins.with_runs([path]), run=path))

    def reveal(self, path: Path) -> None:
        if not show_in_file_manager(path):
            self._say(f"No file manager could be started; the trace is {path}.")

    def ask_and_delete(self, path: Path) -> None:
        """Delete a trace that is not in use, once the person has said so."""
        if sentence := self._why_kept(path):
            self._say(sentence, about="delete")
            return
        box = QMessageBox(QMessageBox.Icon.Warning, "moescope", f"Delete {path.name}?", parent=self._widget)
        box.setObjectName("confirm-delete")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(f"The recording in {path.parent} is lost for good{_and_maps(path)}.")
        delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        delete.setToolTip("Delete the file; this cannot be undone")
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        cancel.setToolTip("Keep the file")
        box.setDefaultButton(cancel)
        box.setEscapeButton(cancel)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        delete.clicked.connect(partial(self.delete, path))
        box.open()

    def delete(self, path: Path, *_: object) -> None:
        """Delete a trace, unless it is in use."""
        from moe_core.analyses.kept.beside import delete_results, result_paths
        from moe_core.experiments.kept.measured import delete_measured

        try:
            if sentence := self._why_kept(path):
                self._say(sentence, about="delete")
                return
            state = self._session.state
            gone = _of(state, path)  # whose files are closed, before one of them is deleted
            history = tuple(made for made in state.history if made not in gone)
            self._session.show_pins(state.pins.without(path.absolute()))
            self._session.set(replace(self._session.state, history=history))
            maps, results = _maps_of(path), result_paths(path)
            delete_trace(path)
            delete_maps(maps)
            delete_results(results)
            delete_measured(path)
        except MoeCoreError as error:
            self._say(error, about="delete")
            return
        self._say("", about="delete")
        log.info("%s was deleted.", path)
        self._settings.remove_recent(path)
        self._session.files_changed.emit()

    def _why_kept(self, path: Path) -> str:
        if _is(self._session.state.trace, path):
            return f"{path.name} is open: close it first (Ctrl+W)."
        state = self._session.state
        if compared(state, path):
            return f"{path.name} is compared with: stop that first."
        if state.what_if in _of(state, path):
            return f"{path.name} belongs to the what-if that is shown: look at another one, or at none, first."
        return ""

    @Slot(str, object)
    def _on_requested(self, action: str, path: Path) -> None:
        self._does[action](path)


def _maps_of(path: Path) -> list[Path]:
    """The effect maps beside a trace that are of it; none where the file is no trace."""
    try:
        with open_trace(path) as trace:
            return maps_of(path, trace.specification.fingerprint)
    except MoeCoreError:
        return []


def _and_maps(path: Path) -> str:
    n = len(_maps_of(path))
    return f", and so {'is its effect map' if n == 1 else 'are its effect maps'}" if n else ""


def _of(state: State, path: Path) -> list[WhatIf]:
    """The what-ifs of the trace shown that a file belongs to."""
    made = dict.fromkeys((*state.history, *([state.what_if] if state.what_if else [])))
    return [each for each in made if _is(each.before, path) or _is(each.after, path)]


def compared(state: State, path: Path) -> bool:
    """Whether the trace shown is being compared with this one, by choice and not by a run."""
    made = state.what_if
    return made is not None and made not in state.history and _is(made.after, path)


def ask_for_trace(parent: QWidget, folder: Path, question: str = "Open trace") -> Path | None:
    """The trace that the person chooses, first looked for in a folder; None where they change their mind."""
    chosen, _ = QFileDialog.getOpenFileName(parent, question, str(folder), "Traces (*.h5);;All files (*)")
    return Path(chosen) if chosen else None


def ask_for_folder(parent: QWidget, folder: Path) -> Path | None:
    """The folder that the person chooses in place of this one; None where they change their mind."""
    chosen = QFileDialog.getExistingDirectory(parent, "Folder of the traces", str(folder))
    return Path(chosen) if chosen else None


def show_in_file_manager(path: Path) -> bool:
    """Whether a file manager could be asked to show the file, or at least its folder."""
    if sys.platform == "win32":
        return _starts("explorer", "/select,", str(path))
    if sys.platform == "darwin":
        return _starts("open", "-R", str(path))
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))


def _starts(program: str, *arguments: str) -> bool:
    started = QProcess.startDetached(program, list(arguments))
    return bool(started[0] if isinstance(started, tuple) else started)


def _is(data: TraceData | None, path: Path) -> bool:
    return data is not None and data.path.absolute() == path.absolute()
