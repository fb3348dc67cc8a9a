"""Files that results are written to because somebody asked for it: never over a trace, and never half."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moe_core.errors import MoeCoreError
from moe_core.system.whole_file import write_whole

_HDF5 = b"\x89HDF\r\n\x1a\n"


def refuse_trace(path: Path) -> None:
    """Raise MoeCoreError where a trace lies under this name: a slip of the hand must not cost a night's run."""
    if os.path.isfile(path):
        with path.open("rb") as file:
            if file.read(len(_HDF5)) == _HDF5:
                raise MoeCoreError(f"{path} is a trace and is never overwritten: give another name.")


def refuse_target(target: Path | None, trace: Path) -> None:
    """Raise MoeCoreError where a result of this trace must not be written to `target`; said before anything is run."""
    if target is None:
        return
    if target.exists() and trace.exists() and target.samefile(trace):
        raise MoeCoreError(f"{target} is the trace itself: give another name.")
    refuse_trace(target)


@contextmanager
def writing(what: str, target: Path) -> Iterator[None]:
    """Raise as MoeCoreError what the system says while `what` is written to `target`."""
    try:
        yield
    except OSError as error:
        why = (
            "a file lies where the folder should be" if isinstance(error, FileExistsError) else error.strerror or error
        )
        raise MoeCoreError(f"The {what} cannot be written to {target}: {why}.") from error


def write_result(path: Path, text: str) -> None:
    """Write a file, and make its folder; raises OSError as the system does, and MoeCoreError for a trace.

    A file of that name is replaced in one step: whoever reads it sees the old one or the new one. What is no regular
    file, such as /dev/stdout, is written into: replacing it would destroy it.
    """
    write_bytes(path, text.encode("utf-8", errors="replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """The same for what is no text."""
    refuse_trace(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.islink(path) or (os.path.exists(path) and not os.path.isfile(path)):
        path.write_bytes(content)
    else:
        write_whole(path, [content])
