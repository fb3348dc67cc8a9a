"""Threads that compute give way to the window, whose own work is short but cannot wait."""

import os
import sys
import threading
from contextlib import suppress

_NICENESS = 5


def yield_to_the_window() -> None:
    """Lower this thread's priority, and that of threads it starts: the window's are few and short, but cannot wait."""
    if sys.platform == "linux":  # where a priority belongs to a thread; elsewhere it would be the whole program's
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
