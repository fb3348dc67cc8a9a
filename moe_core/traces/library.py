"""The library: the traces of one folder, each with what a list of them shows; a damaged file is one entry, no error.

Axes: N questions, P shared prefixes.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from moe_core.errors import AnyRemedy, InterventionError, TraceError, UnreadableTraceError
from moe_core.interventions.intervention import Intervention
from moe_core.numbers.intervals import Proportion, proportion_95
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.records import Status
from moe_core.traces.specification import Specification

SUFFIXES = (".h5", ".hdf5")
_UNKNOWN = proportion_95(0, 0)


class Condition(StrEnum):
    """What one can do with a file of the library: all of it, what there is so far, nothing."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class TraceEntry:
    """One file of the library. Of a damaged one only `path` is known and `problem`, a sentence, with what helps.

    `reason` is what the sentence says besides the path.

    `n_recorded` and `accuracy` count the questions whose checksum is right. `created` is ISO 8601, `intervention`
    says in words what was done to which experts, `fingerprint` what its effect maps say that they are of.
    """

    path: Path
    condition: Condition
    problem: str = ""
    reason: str = ""
    remedies: tuple[AnyRemedy, ...] = ()
    model: str = ""
    quiz: str = ""
    intervention: str = ""
    created: str = ""
    fingerprint: str = ""
    n_recorded: int = 0
    n_planned: int = 0
    n_damaged: int = 0
    accuracy: Proportion = _UNKNOWN


class Library:
    """Reads folders of traces; a file that has not changed since is not read again. For one thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[tuple[int, int], TraceEntry]] = {}

    def entries(self, folder: Path) -> Iterator[TraceEntry]:
        """One entry for each trace of the folder, by name; raises TraceError where the folder cannot be read."""
        for path in trace_paths(folder):
            with suppress(OSError):  # deleted since the folder was listed
                yield self._entry(path)

    def _entry(self, path: Path) -> TraceEntry:
        status = path.stat()
        version = (status.st_mtime_ns, status.st_size)
        if path not in self._kept or self._kept[path][0] != version:
            self._kept[path] = version, read_entry(path)
        return self._kept[path][1]


def trace_paths(folder: Path) -> list[Path]:
    """The files of a folder that are named like traces, by name; none where there is no such folder."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.exists()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:  # ValueError: a name that no file system has
        reason = error.strerror if isinstance(error, OSError) else error
        raise TraceError(f"The folder {folder} cannot be read ({reason}).") from error
    return sorted(found, key=lambda path: path.name.casefold())


def read_entry(path: Path) -> TraceEntry:
    """What the file says of itself; a damaged one says why."""
    try:
        with open_trace(path) as trace:
            specification, recorded, n_damaged = trace.specification, trace.recorded, len(trace.damaged)
            accuracy = _accuracy(trace)
    except TraceError as error:
        reason = error.reason if isinstance(error, UnreadableTraceError) else str(error)
        return TraceEntry(path, Condition.DAMAGED, str(error), reason, error.remedies)
    return TraceEntry(
        path,
        Condition.COMPLETE if recorded.all() else Condition.PARTIAL,
        model=_one_line(specification.model.name),
        quiz=_one_line(specification.quiz.name),
        intervention=_intervention_text(specification),
        created=_one_line(specification.created),
        fingerprint=specification.fingerprint,
        n_recorded=int(recorded.sum()),
        n_planned=len(recorded),
        n_damaged=n_damaged,
        accuracy=accuracy,
    )


def delete_trace(path: Path) -> None:
    """Delete a trace and its lock file; raises TraceError where it is being recorded, or the system refuses."""
    with writer_lock(path):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise TraceError(f"{path} cannot be deleted ({error.strerror}).") from error
    with suppress(OSError):  # which a system that removes no open file has left; what is left of it does no harm
        path.with_name(path.name + ".lock").unlink()


def _accuracy(trace: Trace) -> Proportion:
    """Right answers among the answered questions that have a gold one."""
    scored = (trace.status == Status.ANSWERED) & (trace.gold >= 0)
    return proportion_95(int((scored & (trace.predicted == trace.gold)).sum()), int(scored.sum()))


def _intervention_text(specification: Specification) -> str:
    """`reroute 12`, or the name; empty for a baseline."""
    if not specification.intervention:
        return ""
    try:
        intervention = Intervention.from_json(specification.intervention)
    except (InterventionError, OverflowError):  # JSON's whole numbers may be too large for a factor
        return "unreadable"
    if intervention.name:
        return _one_line(intervention.name)
    done = {"reroute": intervention.reroute, "drop": intervention.drop, "boost": intervention.boost}
    told = [intervention.noise.text] if intervention.noise else []
    told += [f"{action} {len(experts)}" for action, experts in done.items() if experts]
    told += [f"{len(intervention.neurons)} neurons off"] if intervention.neurons else []
    return ", ".join(told) + intervention.place


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
