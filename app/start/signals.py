"""Ctrl+C and SIGTERM close the window as a click does, and however it is closed, the process ends within seconds."""

import logging
import os
import signal
import threading
from typing import NoReturn

from PySide6.QtCore import QObject, Qt, Signal

from app.window.main_window import MainWindow
from moe_core.system.signal_watch import PATIENCE_S, SignalWatch


class SignalListener(QObject):
    """Closes a window at the first signal, without asking; `exit_code` is then 128 + the signal's number."""

    _heard = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.exit_code = 0
        self._has_last_resort = False
        self._heard.connect(window.close_without_asking, Qt.ConnectionType.QueuedConnection)
        window.closing.connect(self._begin_last_resort)
        self._watch = SignalWatch(self._on_signal)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _nothing)

    def leave_now(self) -> NoReturn:
        """End the process: to tidy up after torch takes seconds, and all that matters is on the disk."""
        logging.shutdown()
        os._exit(self.exit_code)

    def _on_signal(self, number: int) -> None:
        """In the watch's thread: the window's may be busy, as when torch is imported."""
        self.exit_code = 128 + number
        self._begin_last_resort()
        self._heard.emit()

    def _begin_last_resort(self) -> None:
        """The step of a job that is waited for now may be the loading of a large model."""
        if self._has_last_resort:
            return
        self._has_last_resort = True
        last_resort = threading.Timer(PATIENCE_S, os._exit, [self.exit_code])
        last_resort.daemon = True
        last_resort.start()


def end_at_once() -> None:
    """Until a SignalListener takes over: a KeyboardInterrupt inside Qt would crash the process, or be lost."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)


def _leave(signal_number: int, frame: object) -> None:
    os._exit(128 + signal_number)


def _nothing(signal_number: int, frame: object) -> None:
    """The wake-up is what counts."""
