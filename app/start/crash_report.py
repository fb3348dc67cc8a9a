"""Errors that nobody caught: the log keeps each one whole, the window says it once and goes on."""

import faulthandler
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal

from app.dialogs.error_report import Failure, failure_of

log = logging.getLogger(__name__)

_LONGEST = 200


class CrashReport(QObject):
    """`say` is called in the thread that made the report, with one sentence for each place where an error came from."""

    _came = Signal(str, object)

    def __init__(
        self, say: Callable[[str], None], parent: QObject | None = None, show: Callable[[Failure], None] | None = None
    ) -> None:
        """`show` is given each error's text as well, to be put into a report."""
        super().__init__(parent)
        self._say = say
        self._show = show
        self._known: set[tuple[str, str, int]] = set()
        self._came.connect(self._on_came, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Hear of every error from now on; of a crash of the interpreter, stderr tells where it happened."""
        sys.excepthook = self.on_error
        threading.excepthook = self._on_thread_error
        if sys.stderr is not None and not faulthandler.is_enabled():
            with suppress(OSError, ValueError):  # stderr may be something that has no file
                faulthandler.enable()

    def uninstall(self) -> None:
        """Leave errors to Python again."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def on_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Log the error; say it when nothing like it was said before."""
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("An unexpected error", exc_info=(kind, error, trace))
        where = traceback.extract_tb(trace)[-1:]
        place = (kind.__name__, where[0].filename if where else "", (where[0].lineno or 0) if where else 0)
        if place not in self._known:
            self._known.add(place)
            with suppress(RuntimeError):  # the window is gone already
                self._came.emit(_sentence(error), failure_of(kind, error, trace))

    def _on_thread_error(self, failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not issubclass(failed.exc_type, SystemExit):
            self.on_error(failed.exc_type, failed.exc_value, failed.exc_traceback)

    def _on_came(self, sentence: str, failure: Failure) -> None:
        self._say(sentence)
        if self._show is not None:
            self._show(failure)


def _sentence(error: BaseException) -> str:
    text = " ".join("".join(traceback.format_exception_only(error)).split())[:_LONGEST].rstrip(".")
    return f"An error in moescope: {text}. The window goes on; the log has the details."
