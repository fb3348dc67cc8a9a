"""What a crash of the interpreter leaves behind: Python's own stack of every thread, offered at the next start."""

import faulthandler
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "crash-", ".txt"
_LONGEST = 20_000


class CrashFile:
    """A private file in `folder` that stays empty unless this process crashes; `close` removes it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{_PREFIX}{os.getpid()}{_SUFFIX}"
        self._fd = -1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            faulthandler.enable(self._fd)
        except OSError as error:
            log.warning("A crash will leave no report: %s", error)

    def close(self) -> None:
        """The process ends as it should."""
        if self._fd < 0:
            return
        faulthandler.disable()
        os.close(self._fd)
        self._fd = -1
        with suppress(OSError):
            self._path.unlink()


def take_reports(folder: Path) -> str:
    """What crashed processes left in `folder`, once; files of those that were merely killed are removed too."""
    texts = []
    for path in sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}")):
        number = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        if not number.isdecimal() or _is_alive(int(number)):
            continue
        with suppress(OSError):
            texts.append(path.read_bytes()[:_LONGEST].decode("utf-8", "replace").strip())
            path.unlink()
    return "\n\n".join(text for text in texts if text)


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return True
    if sys.platform == "win32":  # the file of a living process cannot be removed there
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
