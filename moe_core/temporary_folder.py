"""Folders for unfinished files, which no killed process leaves behind for long."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = "in-use.lock"


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A new folder `parent / prefix*` that only the user can read, removed in the end.

    Its process holds a lock inside, so that the next one that asks for the same prefix can tell the folders of dead
    processes, and removes them first. Without `parent` it is where the system keeps such files. Raises
    OSError where none can be made.
    """
    parent = parent or Path(tempfile.gettempdir())
    _sweep(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with ExitStack() as held:
            with suppress(OSError, NotImplementedError, Timeout):  # a file system without locks: never swept
                held.enter_context(FileLock(folder / _LOCK, timeout=0, thread_local=False))
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path, prefix: str) -> None:
    for folder in parent.glob(escape(prefix) + "*"):
        with suppress(OSError, NotImplementedError, Timeout):  # somebody works in it
            if not (_is_own(folder) and (folder / _LOCK).exists()):
                continue
            with FileLock(folder / _LOCK, timeout=0):
                pass
            shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """A real folder of this user: others may put anything of that name into a shared place."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
