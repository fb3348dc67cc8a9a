"""Files that are whole at every instant: written under another name, which becomes theirs in one step."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The name to write to, beside `path`, whose place it takes at the end; nothing of it stays where that fails.

    An OSError about that name is raised as one about `path`, which is what a person knows.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        if error.filename2 is None and str(error.filename) == str(unfinished):
            error.filename = str(path)
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: str | Iterable[bytes]) -> None:
    """Write a file, text as UTF-8; whoever reads it, also after a power cut, sees the old one or the new one.

    Raises OSError as the system does.
    """
    # A lone surrogate becomes an escape, which JSON knows.
    parts = [content.encode("utf-8", "backslashreplace")] if isinstance(content, str) else content
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
