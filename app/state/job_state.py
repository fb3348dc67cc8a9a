"""What the window knows of its jobs: one entry each, in the order in which they run, those that ended behind them."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class JobStatus(StrEnum):
    """Where a job is on its way."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return self in (JobStatus.DONE, JobStatus.STOPPED, JobStatus.FAILED)


@dataclass(frozen=True)
class JobEntry:
    """One job. `number` counts from 1 as long as the window is open; `about` says what it was asked with.

    `trace` is what it is about, `writes` the file that it writes, where its name is known before.

    `share` 0..1 and `eta_s` say how far it is where that is known, `progress` says it in words. `result` is the file
    that came of it, `problem` a sentence on why nothing did, with what helps. `kept` says what is left of it when it is
    stopped, `can_pause` that it loses nothing then. `is_live`: a what-if that runs by itself. `view` is the name of the
    view that shows what comes of it, "" for a file to be opened.
    """

    number: int
    title: str
    about: str
    kept: str
    trace: Path
    writes: Path | None = None
    status: JobStatus = JobStatus.WAITING
    progress: str = ""
    share: float | None = None
    eta_s: float | None = None
    result: Path | None = None
    problem: str = ""
    seconds: float = 0.0
    can_pause: bool = True
    is_live: bool = False
    view: str = ""

    @property
    def may_pause(self) -> bool:
        """Whether it can be paused now."""
        return self.status is JobStatus.WAITING or (self.status is JobStatus.RUNNING and self.can_pause)

    @property
    def may_go_on(self) -> bool:
        """Whether it can be put back among those that wait."""
        return self.status in (JobStatus.PAUSED, JobStatus.STOPPED, JobStatus.FAILED)

    @property
    def may_move(self) -> bool:
        """Whether its place among the others can be chosen."""
        return self.status in (JobStatus.WAITING, JobStatus.PAUSED)


@dataclass(frozen=True)
class MovedJob:
    """A wish: that a job runs as the one of this place among the unfinished ones."""

    number: int
    place: int


def entry_of(jobs: tuple[JobEntry, ...], number: int | None) -> JobEntry | None:
    """The entry of that number; None where there is none."""
    return next((entry for entry in jobs if entry.number == number), None)


def may_move(jobs: tuple[JobEntry, ...], entry: JobEntry | None, step: int) -> bool:
    """Whether it is one of those that wait, and there are so many places further on."""
    order = [each for each in unfinished(jobs) if each.status is not JobStatus.RUNNING]
    return entry in order and 0 <= order.index(entry) + step < len(order)


def unfinished(jobs: tuple[JobEntry, ...]) -> tuple[JobEntry, ...]:
    """Those that run, wait or are paused, in the order in which they run."""
    return tuple(entry for entry in jobs if not entry.status.is_over)
