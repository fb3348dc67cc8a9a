"""Folders that somebody names for a result: those that are missing are made as it is written, with all above them."""

import os
from pathlib import Path

from moe_core.errors import TraceError


def existing_folder(folder: Path) -> Path:
    """The folder, or the one nearest above it that is there; raises TraceError where nothing can be written into it."""
    folder = folder.absolute()
    found = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not found.is_dir():
        raise TraceError(f"{found} is a file, not a folder.")
    if not os.access(found, os.W_OK | os.X_OK):
        raise TraceError(f"Nothing can be written into the folder {found}: choose another one.")
    return found
