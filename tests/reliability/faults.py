"""Lets the system refuse one call while a trace is made and filled: at every place, with every kind of refusal."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from moe_core.errors import TraceError
from moe_core.traces.hdf5 import blocks
from moe_core.traces.writing import creation
from moe_core.traces.writing.writer import TraceWriter
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import fill, words
from tests.traces.synthetic_run import SyntheticRun, create, record

TINY = SyntheticRun(n_questions=2, n_prefixes=1, n_layers=1, mean_tokens=2)
SHORT = "short write"
ERRORS: tuple[int | str, ...] = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR, SHORT)
CALLS = ("pwrite", "fdatasync", "posix_fallocate", "open", "link", "fsync", "mkdir", "ftruncate", "pread")


class _Counter:
    """Counts calls, and refuses one of them."""

    def __init__(self, fails_at: int, error: int | str) -> None:
        self.calls = 0
        self._fails_at = fails_at
        self._error = error

    def around(self, name: str, real: Any) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if name == "pread" and self._error in (errno.ENOSPC, errno.EDQUOT):
                return real(*arguments, **keywords)  # reading needs no room
            self.calls += 1
            if self.calls - 1 != self._fails_at:
                return real(*arguments, **keywords)
            if isinstance(self._error, int):
                raise OSError(self._error, os.strerror(self._error))
            if name == "pwrite":
                fd, data, offset = arguments
                return real(fd, data[: max(1, len(data) // 2)], offset)
            if name == "pread":
                fd, count, offset = arguments
                return real(fd, max(1, count // 2), offset)
            return real(*arguments, **keywords)

        return call


@contextmanager
def refusing(fails_at: int, error: int | str) -> Iterator[_Counter]:
    """Of all the system's calls for files, the one after `fails_at` others is refused."""
    counter = _Counter(fails_at, error)
    with ExitStack() as stack:
        for name in CALLS:
            if hasattr(os, name):
                stack.enter_context(patch.object(os, name, counter.around(name, getattr(os, name))))
        yield counter


def every_fault(folder: Path, run: SyntheticRun = TINY, errors: tuple[int | str, ...] = ERRORS) -> Outcome:
    """Every call, every error: one sentence, nothing that was told is lost, and the same command resumes."""
    outcome = Outcome()
    whole = record(folder / "whole.h5", run).read_bytes()
    empty = create(folder / "empty.h5", run).read_bytes()
    with _remembered():
        for error in errors:
            for start in (b"", empty):  # faults while the trace is made, and faults while one just made is filled
                fails_at, is_over = 0, False
                while not is_over:
                    is_over = _one_fault(outcome, folder / "run.h5", run, start, whole, fails_at, error)
                    fails_at += 1
    return outcome


@contextmanager
def _remembered() -> Iterator[None]:
    """Two pure functions, called a thousand times with the same values, remember their results."""
    with (
        patch.object(creation, "make_headers", lru_cache(creation.make_headers)),
        patch.object(blocks, "checksum", lru_cache(blocks.checksum)),
    ):
        yield


def _one_fault(
    outcome: Outcome, path: Path, run: SyntheticRun, start: bytes, whole: bytes, fails_at: int, error: int | str
) -> bool:
    """Whether there was no such call any more."""
    told = path.with_suffix(".told")
    name = error if isinstance(error, str) else errno.errorcode[error]
    where = f"{name} at call {fails_at} of {'filling' if start else 'making'}"
    outcome.tries += 1
    if start:
        path.write_bytes(start)
    with refusing(fails_at, error) as counter:
        try:
            if start:
                fill(path, run, str(told), batch=1)
            else:
                create(path, run)
        except TraceError as refused:
            sentence = str(refused)
            outcome.check(sentence.endswith(".") and "\n" not in sentence, f"{where}: {sentence!r} is no sentence")
            outcome.check(error != SHORT, f"{where}: {sentence}")
            outcome.count("sentences")
        except Exception as crash:  # noqa: BLE001  # the promise is that there is no other
            outcome.check(False, f"{where}: {crash!r}")
    if path.exists() or start or fails_at % 10 == 0:
        _resume(outcome, path, run, {int(word) for word in words(told)}, where)
        outcome.check(path.read_bytes() == whole, f"{where}: resumed, it differs from a whole one")
    stayed = [other.name for other in path.parent.iterdir() if ".creating-" in other.name]
    outcome.check(not stayed, f"{where}: {stayed} stayed behind")
    path.unlink(missing_ok=True)
    told.unlink(missing_ok=True)
    return counter.calls <= fails_at


def _resume(outcome: Outcome, path: Path, run: SyntheticRun, durable: set[int], where: str) -> None:
    if not path.exists():
        create(path, run)
    with TraceWriter(path) as writer:
        lost = durable & set(writer.pending_questions)
        outcome.check(not lost, f"{where}: questions {lost} were recorded and are lost")
        writer.write([run.prefix_record(prefix) for prefix in writer.pending_prefixes])
        writer.write([run.question_record(question) for question in writer.pending_questions])
