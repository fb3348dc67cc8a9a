"""The demo: recorded once into the library, then opened like any trace; recorded anew when the demo itself changed."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from moe_core.errors import TraceError
from moe_core.traces.reader import open_trace

if TYPE_CHECKING:
    from moe_core.jobs.record import RecordRequest

log = logging.getLogger(__name__)

NAME = "demo.h5"


def demo_request(library: Path) -> "RecordRequest":
    """What records the demo quiz with the demo model."""
    from moe_core.jobs.models.load_model import ModelRequest
    from moe_core.jobs.record import RecordRequest

    return RecordRequest(ModelRequest("demo"), quiz="demo", out=library / NAME)


def has_demo(library: Path, demo: Path | None = None) -> bool:
    """Whether the library's trace of the demo is complete.

    One that cannot be read, or is older than the demo, is kept under another name, so that it can be recorded anew.
    """
    from moe_core.quizzes.benchmarks.demo_quiz import DEMO_FOLDER

    path = library / NAME
    if not os.path.exists(path):
        return False
    if _is_older(path, demo or DEMO_FOLDER):
        _set_aside(path, "is older than the demo")
        return False
    try:
        with open_trace(path) as trace:
            return trace.complete
    except TraceError as error:
        _set_aside(path, f"cannot be used ({error})")
        return False


def _is_older(trace: Path, demo: Path) -> bool:
    written = trace.stat().st_mtime
    return any(file.stat().st_mtime > written for file in _files_of(demo))


def _files_of(demo: Path) -> Iterator[Path]:
    """What decides the trace: the model's files and the quiz."""
    yield from (demo / "model").glob("*")
    yield from demo.glob("*.csv")


def _set_aside(trace: Path, reason: str) -> None:
    number = 1
    while (kept := trace.with_name(f"{trace.stem}-{number}{trace.suffix}")).exists():
        number += 1
    try:
        trace.rename(kept)
    except OSError as error:  # the recording says then what is there already
        log.warning("%s %s and cannot be set aside: %s", trace.name, reason, error)
        return
    log.warning("%s %s: kept as %s, recording anew", trace.name, reason, kept.name)
