"""Folders for unfinished files, which no killed process leaves behind for long."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

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
    folder, lock = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, BaseFileLock]:
    """A new folder and the lock inside. Until it is locked another process may sweep it: then there is a new one."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except (Timeout, FileNotFoundError, FileExistsError):  # swept meanwhile
            continue
        except (OSError, NotImplementedError):  # a file system without locks: nobody sweeps there
            return folder, lock
        if (folder / _LOCK).exists():
            folder.chmod(0o700)  # taking the lock makes a folder that was swept anew
            return folder, lock
        lock.release()


def _sweep(parent: Path, prefix: str) -> None:
    for folder in parent.glob(escape(prefix) + "*"):
        with suppress(OSError, NotImplementedError):  # also Timeout: somebody works in it
            if not _is_own(folder):
                continue
            if not (folder / _LOCK).exists():
                folder.rmdir()  # killed before it locked: empty
                continue
            with FileLock(folder / _LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            if os.name == "nt":  # which removes no file that is open
                shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """A real folder of this user: others may put anything of that name into a shared place."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
