"""Hears signals in a thread of its own: also while the main thread is in the middle of a long call into a library.

Python's own handlers run in the main thread only, and not before such a call is over.
"""

import signal
import socket
import threading
from collections.abc import Callable

PATIENCE_S = 3.0
"""From Ctrl+C on, a step that takes longer is not waited for: a trace survives a killed writer at any instant."""


class SignalWatch:
    """Calls `heard` with the number of every signal that has a Python handler, until it is closed.

    Only the main thread can make and close one; handlers run as ever.
    """

    def __init__(self, heard: Callable[[int], None]) -> None:
        self._heard = heard
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        self._before = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._watch, name="signal watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more; what is being heard is heard to its end."""
        signal.set_wakeup_fd(self._before)
        self._writing.close()
        self._thread.join()
        self._reading.close()

    def _watch(self) -> None:
        while numbers := self._reading.recv(64):
            for number in numbers:
                self._heard(number)
