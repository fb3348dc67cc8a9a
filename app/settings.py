"""What is remembered between sessions, in one INI file; a damaged or newer one is set aside."""

import json
import logging
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_data_path
from PySide6.QtCore import QByteArray, QSettings

log = logging.getLogger(__name__)

_MOST_RECENT = 10
_FORMAT = 1


class Settings:
    """Typed access to the settings file; a missing or wrong value gives the default."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_config_path("moescope", appauthor=False) / "moescope.ini"
        self.notice = ""
        """One sentence where a file was set aside."""
        self._values = QSettings(str(self.path), QSettings.Format.IniFormat)
        if self._values.status() != QSettings.Status.NoError or (self._format() < 1 and _holds_something(self.path)):
            self._set_aside("damaged", "cannot be read")
        elif self._format() > _FORMAT:
            self._set_aside("newer", "are of a newer moescope")
        self.put("format", str(_FORMAT))

    def text(self, name: str, default: str = "") -> str:
        value = self._values.value(name, default)
        return value if isinstance(value, str) else default

    def flag(self, name: str) -> bool:
        """A yes or no; no where nothing is known."""
        return self.text(name) == "true"

    def data(self, name: str) -> dict[str, Any]:
        """A JSON object; empty where there is none."""
        try:
            value = json.loads(self.text(name, "{}"))
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def binary(self, name: str) -> QByteArray:
        """Bytes of Qt's own, such as a window's layout."""
        return QByteArray.fromBase64(self.text(name).encode("ascii", "ignore"))

    def put(self, name: str, value: str | bool | dict[str, Any] | QByteArray) -> None:
        """Remember a value under a name."""
        match value:
            case bool():
                stored = "true" if value else "false"
            case dict():
                stored = json.dumps(value)
            case QByteArray():
                stored = bytes(value.toBase64().data()).decode()
            case _:
                stored = value
        self._values.setValue(name, stored)

    def forget(self, name: str) -> None:
        """Go back to the default."""
        self._values.remove(name)

    def save(self) -> None:
        """Write what changed to the file."""
        self._values.sync()

    @property
    def recent(self) -> list[Path]:
        """Traces opened lately, the last one first."""
        names = self.data("recent").get("paths", [])
        return [Path(name) for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def add_recent(self, path: Path) -> None:
        """Put a trace first."""
        self._put_recent([path.absolute(), *(other for other in self.recent if other != path.absolute())])

    def remove_recent(self, path: Path) -> None:
        """Forget one trace."""
        self._put_recent([other for other in self.recent if other != path])

    def _put_recent(self, paths: Sequence[Path]) -> None:
        self.put("recent", {"paths": [str(path) for path in paths[:_MOST_RECENT]]})

    @property
    def library(self) -> Path:
        stored = self.text("library")
        return Path(stored) if stored else user_data_path("moescope", appauthor=False) / "traces"

    @library.setter
    def library(self, folder: Path) -> None:
        self.put("library", str(folder))

    def _format(self) -> int:
        text = self.text("format")
        return int(text) if text.isdecimal() and len(text) < 9 else 0

    def _set_aside(self, suffix: str, reason: str) -> None:
        names = (f".{suffix}{f'-{n}' if n > 1 else ''}.ini" for n in count(1))
        kept = next(path for name in names if not (path := self.path.with_suffix(name)).exists())
        try:
            self.path.replace(kept)
            done = f"they are kept as {kept.name}, and the defaults apply"
        except OSError as error:
            done = f"the defaults apply, and nothing may be remembered ({error.strerror})"
        self.notice = f"The settings in {self.path} {reason}: {done}."
        log.warning("%s", self.notice)
        self._values = QSettings(str(self.path), QSettings.Format.IniFormat)


def _holds_something(path: Path) -> bool:
    return os.path.isfile(path) and os.path.getsize(path) > 0
