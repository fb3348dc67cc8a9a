"""What a person does with the files of the library: open, take as baseline, show in the file manager, delete."""

import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QProcess, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.session import Session
from app.settings import Settings
from app.trace_data import TraceData
from moe_core.errors import MoeCoreError
from moe_core.storage.library import delete_trace

log = logging.getLogger(__name__)


class Window(Protocol):
    """What is needed of the window: it opens traces and says sentences."""

    def open_trace(self, path: Path) -> bool:
        """Show a trace."""

    def say(self, sentence: str, *, is_failure: bool = True) -> None:
        """Show a sentence."""


class TraceFiles(QObject):
    """Answers `Session.path_requested`; whatever cannot be done is said in one sentence."""

    def __init__(self, session: Session, settings: Settings, window: Window, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._window = window
        self._widget = parent
        self._does: dict[str, Callable[[Path], object]] = {
            "open": window.open_trace,
            "baseline": self.toggle_baseline,
            "reveal": self.reveal,
            "delete": self.ask_and_delete,
        }
        session.path_requested.connect(self._on_requested)

    def toggle_baseline(self, path: Path) -> None:
        """Compare what is shown with this trace; if it is the baseline already, with none."""
        try:
            self._session.set_baseline(None if _is(self._session.state.baseline, path) else path)
        except MoeCoreError as error:
            self._window.say(str(error))

    def reveal(self, path: Path) -> None:
        """Show the file in the system's file manager."""
        if not show_in_file_manager(path):
            self._window.say(f"No file manager could be started; the trace is {path}.")

    def ask_and_delete(self, path: Path) -> None:
        """Delete a trace that is not in use, once the person has said so."""
        if sentence := self._why_kept(path):
            self._window.say(sentence)
            return
        box = QMessageBox(QMessageBox.Icon.Warning, "moescope", f"Delete {path.name}?", parent=self._widget)
        box.setObjectName("confirm-delete")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(f"The recording in {path.parent} is lost for good.")
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
        try:
            if sentence := self._why_kept(path):
                self._window.say(sentence)
                return
            delete_trace(path)
        except MoeCoreError as error:
            self._window.say(str(error))
            return
        log.info("%s was deleted.", path)
        self._settings.remove_recent(path)
        self._session.library_changed.emit()

    def _why_kept(self, path: Path) -> str:
        if _is(self._session.state.trace, path):
            return f"{path.name} is open: close it first (Ctrl+W)."
        if _is(self._session.state.baseline, path):
            return f"{path.name} is the baseline: choose another one first."
        return ""

    @Slot(str, object)
    def _on_requested(self, action: str, path: Path) -> None:
        self._does[action](path)


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
