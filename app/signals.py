"""Ctrl+C and SIGTERM close the window as a click does; Python alone would not see them while Qt's loop waits."""

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier

from app.main_window import MainWindow


class SignalListener(QObject):
    """Closes a window at the first signal, without asking."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _nothing)
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)

    def _on_signal(self) -> None:
        self._reading.recv(64)
        self._window.close_without_asking()


def _nothing(signal_number: int, frame: object) -> None:
    """The wake-up is what counts."""
