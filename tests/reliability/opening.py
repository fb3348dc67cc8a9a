"""What a window does with a trace, in a child with limits: opens it, lists it, and reads all that it would draw."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ctypes import CDLL, get_errno
from pathlib import Path

from app.state.trace_data import TraceData
from moe_core.errors import TraceError
from moe_core.measures.scope import Scope
from moe_core.traces.library import read_entry

_IN_OPEN, _IN_ACCESS = 0x20, 0x01


def open_and_draw(path: str) -> str:
    """`opened`, or the sentence with which it was refused."""
    entry = read_entry(Path(path))
    try:
        data = TraceData(Path(path))
        for scope in Scope:
            data.routing(scope)
            data.sample(scope)
        assert len(data.table.ids) == data.trace.n_questions
        for question in range(min(20, data.trace.n_questions)):
            data.trace.content(question)
    except TraceError as refused:
        return str(refused)
    return "opened" + (f", though listed as: {entry.problem}" if entry.problem else "")


@contextmanager
def watched(paths: Sequence[Path]) -> Iterator[list[bool]]:
    """A list that is not empty afterwards if anybody opened or read one of the files, also from C (Linux only)."""
    touched: list[bool] = []
    libc = CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    for path in paths:
        if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(path), _IN_OPEN | _IN_ACCESS) < 0:
            raise OSError(get_errno(), "inotify is not to be had")
    try:
        yield touched
        with suppress(BlockingIOError):
            touched.append(bool(os.read(fd, 4096)))
    finally:
        os.close(fd)
