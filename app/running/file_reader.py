"""Reads files in a thread, one after the other, for a window that never waits for them."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.running.thread_priority import yield_to_the_window

log = logging.getLogger(__name__)


class FileReader(QObject):
    """A subclass has work done in the thread by `submit`, and tells from there what it found by `tell`."""

    _told = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, f"moescope {name}", initializer=yield_to_the_window)
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)

    def submit(self, work: Callable[..., object], *given: object) -> None:
        """Have it called in the thread; what goes wrong there is logged."""
        self._thread.submit(work, *given).add_done_callback(_log_failure)

    def tell(self, hear: Callable[..., object], *found: object) -> None:
        """Have it called with what was found, in the thread of the window."""
        with suppress(RuntimeError):  # the window is gone meanwhile
            self._told.emit((hear, found))

    def close(self) -> None:
        """Wait for the file that is being read; nothing else is."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    @Slot(object)
    def _on_told(self, told: tuple[Callable[..., object], tuple[object, ...]]) -> None:
        hear, found = told
        hear(*found)


def _log_failure(done: "Future[object]") -> None:
    if not done.cancelled() and (error := done.exception()):
        log.error("Files cannot be read.", exc_info=error)
