"""A job that somebody asked for: all that it needs is frozen by then, whatever is shown when its turn comes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.running.job_thread import KEPT, JobEnded, MakeJob
from moe_core.jobs.events import Notice


@dataclass(frozen=True, eq=False)
class QueuedJob:
    """`request` is the frozen request behind it, `about` says that in words; `kind` names its JobKind, "" where it is
    not kept between sessions.

    `begin` is told when it begins, and whether that is at once, `noticed` its notices, `progressed` how far it is, and
    `ended` its JobEnded. `trace` is what it is about, `view` the name of the view that shows what comes of it ("": a
    file to be opened), `writes` the file that nobody else may write meanwhile.
    `kept` says what is left of it where it is stopped; `goes_on`: the same request then goes on from there.
    `needs_model`: it runs in the thread that owns the model, and nothing beside it. `workers` is the address of those
    that hold the model, "" where this program does.
    """

    title: str
    about: str
    request: object
    make: MakeJob
    trace: Path
    kind: str = ""
    begin: Callable[[bool], object] = bool
    noticed: Callable[[Notice], object] = bool
    progressed: Callable[[object], object] = bool
    ended: Callable[[JobEnded], object] = bool
    view: str = ""
    writes: Path | None = None
    kept: str = KEPT
    goes_on: bool = True
    needs_model: bool = True
    is_live: bool = False
    workers: str = ""

    def asks_like(self, other: "QueuedJob") -> bool:
        """Whether both are asked the same way."""
        return (type(self.request), self.request) == (type(other.request), other.request)


@dataclass(frozen=True)
class JobKind:
    """Jobs that outlive the window: `request` is the type of what they are asked with, `job_for` makes one of it."""

    name: str
    request: type
    job_for: Callable[[Any], QueuedJob]


def result_path(result: object) -> Path | None:
    """The file that came of a job; None where nothing was written."""
    if isinstance(result, Path):
        return result
    place = getattr(result, "path", None) or getattr(result, "kept", None)
    return place if isinstance(place, Path) else None
