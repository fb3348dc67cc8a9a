"""An X server without a screen, and a window manager on it: Xvfb and herbstluftwm."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAMS = ("Xvfb", "herbstluftwm", "herbstclient")
SIZE = "1600x1000x24"
PATIENCE_S = 120.0


def missing_programs() -> list[str]:
    """Which of the programs are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def virtual_display() -> Iterator[dict[str, str]]:
    """The environment for programs that are to be shown on it."""
    reading, writing = os.pipe()
    # -noreset: else it begins anew when its last client leaves, as one that asks too early does, and takes nobody then.
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", SIZE, "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            environment = os.environ | {"DISPLAY": f":{number.readline().strip()}", "QT_QPA_PLATFORM": "xcb"}
        manager = subprocess.Popen(["herbstluftwm"], env=environment, stderr=subprocess.DEVNULL)
        try:
            wait_for_manager(manager, environment)
            yield environment
        finally:
            stop(manager)
    finally:
        stop(server)


def wait_for_manager(manager: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    """Return as soon as the window manager answers."""
    deadline = time.monotonic() + PATIENCE_S
    while (asked := subprocess.run(["herbstclient", "version"], env=environment, capture_output=True)).returncode:
        assert manager.poll() is None, f"herbstluftwm ended with {manager.returncode}"
        assert time.monotonic() < deadline, f"herbstluftwm does not answer: {asked.stderr!r} on {environment}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and wait for it."""
    process.terminate()
    process.wait(PATIENCE_S)
