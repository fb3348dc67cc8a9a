"""Interventions on disk: one JSON file each, to keep, share and run again."""

import json
from pathlib import Path

from moe_core.errors import InterventionError
from moe_core.interventions.intervention import Intervention
from moe_core.system.whole_file import write_whole

MAX_BYTES = 10_000_000  # far above one line an expert of the largest model


def read_intervention(path: Path) -> Intervention:
    """The intervention in a file; raises InterventionError, with the path, when there is none in it."""
    try:
        if path.exists() and not path.is_file():  # a device never ends, a pipe may never begin
            raise InterventionError(f"{path} is no regular file, so no intervention.")
        if path.stat().st_size > MAX_BYTES:
            raise InterventionError(f"{path} has more bytes than any intervention: it is not read.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InterventionError(f"The intervention {path} cannot be read: {reason}.") from error
    try:
        return Intervention.parse(text)
    except InterventionError as error:
        error.add_note(str(path))
        raise


def save_intervention(path: Path, intervention: Intervention) -> None:
    """Write the file, replacing one of that name in one step; raises InterventionError where it cannot be written."""
    try:
        write_whole(path, json.dumps(intervention.to_file_json(), ensure_ascii=False) + "\n")
    except OSError as error:
        raise InterventionError(f"The intervention cannot be saved as {path}: {error.strerror or error}.") from error
