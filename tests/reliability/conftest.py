"""A folder in memory for tests that write a thousand times, and the window's fixtures for those that need one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.conftest import session, trace_path, window

__all__ = ["memory_path", "session", "trace_path", "window"]

IN_MEMORY = Path("/dev/shm")  # it is asked for as it is
ROOM = 2**30


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder of its own where barriers take no time, or `tmp_path`, where a system has none with a GB of room.

    A kill, a refused call and a signal find a program at the same places, whatever it writes to.
    """
    if not os.access(IN_MEMORY, os.W_OK) or shutil.disk_usage(IN_MEMORY).free < ROOM:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="moescope-test-", dir=IN_MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
