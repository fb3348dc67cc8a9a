"""Folders that somebody names for a result: those that are missing are made as it is written, with all above them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from moe_core.errors import TraceError


def existing_folder(folder: Path) -> Path:
    """The folder, or the one nearest above it that is there; raises TraceError where nothing can be written into it.

    That is tried with a file that keeps no name: what the rights say does not hold for root, nor in /proc.
    """
    folder = folder.absolute()
    found = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not found.is_dir():
        raise TraceError(f"{found} is a file, not a folder.")
    try:
        TemporaryFile(dir=found).close()
    except OSError as error:
        reason = error.strerror or error
        raise TraceError(f"Nothing can be written into the folder {found} ({reason}): choose another one.") from error
    return found


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and all above it that are missing; those in which nothing has come to lie then go again.

    Raises OSError as the system does.
    """
    folder = folder.absolute()
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for each in missing:
            with suppress(OSError):  # something lies in it
                each.rmdir()
