"""The last records of the log, kept for the Log view: from any thread, told to the window without flooding it."""

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

LIMIT = 5_000


@dataclass(frozen=True)
class LogRecord:
    """One record as text. `number` counts all records ever kept; `details` holds a traceback,
    whole; `template` is the message before anything was filled in."""

    number: int
    level: int
    time: str
    logger: str
    message: str
    details: str = ""
    template: str = ""

    @property
    def outline(self) -> str:
        """As `text`, without the values that the message was filled with, and without details."""
        return f"{self.time}  {logging.getLevelName(self.level):<8}  {self.logger}: {self.template}"

    @property
    def text(self) -> str:
        """Time, level, logger, message, and the details on lines of their own."""
        head = f"{self.time}  {logging.getLevelName(self.level):<8}  {self.logger}: {self.message}"
        return f"{head}\n{self.details}" if self.details else head


class _News(QObject):
    """A signal that a handler, which is no QObject, can emit in any thread."""

    came = Signal()


class LogRecords(logging.Handler):
    """Keeps the last LIMIT records. `news.came` is emitted once until somebody takes the records; see `since`."""

    def __init__(self) -> None:
        super().__init__()
        self.news = _News()
        self._kept: deque[LogRecord] = deque(maxlen=LIMIT)
        self._n_ever = 0
        self._is_told = False
        self._guard = threading.Lock()
        self._texts = logging.Formatter()

    def since(self, number: int) -> list[LogRecord]:
        """The records kept with this number or a higher one, the oldest first."""
        with self._guard:
            self._is_told = False
            return [record for record in self._kept if record.number >= number]

    def clear(self) -> None:
        with self._guard:
            self._kept.clear()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message, details = record.getMessage(), self._details(record)
        except Exception:  # noqa: BLE001  # arguments that do not fit, or whose repr raises: logging never raises
            message, details = str(record.msg), "(The record's arguments do not fit its message.)"
        with self._guard:
            self._kept.append(
                LogRecord(
                    self._n_ever, record.levelno, _clock(record.created), record.name, message, details, str(record.msg)
                )
            )
            self._n_ever += 1
            is_first, self._is_told = not self._is_told, True
        if is_first:
            with suppress(RuntimeError):  # Qt is gone already while Python leaves
                self.news.came.emit()

    def _details(self, record: logging.LogRecord) -> str:
        parts = [self._texts.formatException(record.exc_info)] if record.exc_info else [record.exc_text or ""]
        if record.stack_info:
            parts.append(record.stack_info)
        return "\n".join(part for part in parts if part)


def installed_records() -> LogRecords:
    """The records of this process; kept from the first call on."""
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, LogRecords):
            return handler
    made = LogRecords()
    root.addHandler(made)
    return made


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
