"""Ctrl+C and SIGTERM close the window as a click does, and however it is closed, the process ends within seconds."""

import logging
import os
import signal
import socket
import threading
from typing import NoReturn

from PySide6.QtCore import QObject, QSocketNotifier

from app.main_window import MainWindow

PATIENCE_S = 4.0
"""A step of a job that takes longer is not waited for: a trace survives a killed writer at any instant."""


class SignalListener(QObject):
    """Closes a window at the first signal, without asking; `exit_code` is then 128 + the signal's number."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.exit_code = 0
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _nothing)
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)
        window.closing.connect(self._on_closing)

    def leave_now(self) -> NoReturn:
        """End the process: to tidy up after torch takes seconds, and all that matters is on the disk."""
        logging.shutdown()
        os._exit(self.exit_code)

    def _on_signal(self) -> None:
        self.exit_code = 128 + self._reading.recv(64)[0]
        self._window.close_without_asking()

    def _on_closing(self) -> None:
        """The step of a job that is waited for now may be the loading of a large model."""
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
