"""Runs pinned side by side: which files, in which order, and which of them the others are compared with."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.state.trace_data import TraceData
from moe_core.errors import TraceError

MOST_RUNS = 8
"""More grids than that beside each other show nothing."""


@dataclass(frozen=True)
class Pins:
    """Files in the order in which they are shown; `chosen` is the one that others are compared with, if any is."""

    paths: tuple[Path, ...] = ()
    chosen: Path | None = None

    @property
    def baseline(self) -> Path | None:
        """The run that others are compared with: the first one where none was chosen; None without any."""
        if self.chosen in self.paths:
            return self.chosen
        return self.paths[0] if self.paths else None

    def with_runs(self, paths: Iterable[Path]) -> "Pins":
        """These at the end, those that are pinned already left where they are; no more than MOST_RUNS."""
        return replace(self, paths=tuple(dict.fromkeys([*self.paths, *paths]))[:MOST_RUNS])

    def without(self, path: Path) -> "Pins":
        return replace(self, paths=tuple(other for other in self.paths if other != path))

    def moved(self, path: Path, step: int) -> "Pins":
        """One of them so many places further on, as far as there are places; the baseline stays the same run."""
        at = self.paths.index(path)
        others = [other for other in self.paths if other != path]
        to = min(max(at + step, 0), len(others))
        return Pins((*others[:to], path, *others[to:]), self.baseline)

    def may_move(self, path: Path | None, step: int) -> bool:
        """Whether it is one of them, and there are so many places further on."""
        return path in self.paths and 0 <= self.paths.index(path) + step < len(self.paths)

    def to_json(self) -> dict[str, Any]:
        """As settings and session files keep it."""
        return {"paths": [str(path) for path in self.paths], "chosen": str(self.chosen or "")}

    @staticmethod
    def from_json(data: object) -> "Pins":
        """The inverse; nothing is pinned where it is something else."""
        paths = data.get("paths") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(paths, list):
            return Pins()
        chosen = data.get("chosen")
        pinned = Pins().with_runs(Path(path) for path in paths if isinstance(path, str) and path)
        return replace(pinned, chosen=Path(chosen) if isinstance(chosen, str) and chosen else None)


@dataclass(frozen=True)
class PinnedRun:
    """One of the files, open; `problem` says in a sentence why it is not."""

    path: Path
    data: TraceData | None = None
    problem: str = ""


def opened_runs(
    pins: Pins, before: tuple[PinnedRun, ...], known: Iterable[TraceData], *, tries_again: bool = False
) -> tuple[PinnedRun, ...]:
    """Every pinned file open: as it is `known` already, or was pinned `before`, else from the disk.

    What could not be opened before is not tried again at every change, only where that is asked for.
    """
    shown = {data.path.absolute(): data for data in known}
    was = {run.path: run for run in before if run.data is not None or not tries_again}
    return tuple(
        PinnedRun(path, shown[path]) if path in shown else was[path] if path in was else _opened(path)
        for path in pins.paths
    )


def _opened(path: Path) -> PinnedRun:
    try:
        return PinnedRun(path, TraceData(path))
    except TraceError as error:
        return PinnedRun(path, problem=str(error))
