"""The list of jobs as a value: a new one in its place, another order, and what is refused."""

from collections.abc import Iterable
from pathlib import Path

from app.running.queue.queued_job import QueuedJob
from app.state.job_state import JobEntry, JobStatus, entry_of, unfinished
from app.state.state import State
from moe_core.errors import MoeCoreError
from moe_core.numbers.formatting import counted
from moe_core.traces.reader import open_trace

Jobs = tuple[JobEntry, ...]


def with_new(jobs: Jobs, entry: JobEntry) -> Jobs:
    """Behind what is not finished; a live one before all."""
    before, over = unfinished(jobs), tuple(each for each in jobs if each.status.is_over)
    return (entry, *before, *over) if entry.is_live else (*before, entry, *over)


def with_entry(jobs: Jobs, entry: JobEntry) -> Jobs:
    """The entry as it is now; where it ended it is the first of those that did, where it goes on the last to wait."""
    was = entry_of(jobs, entry.number)
    if was is None or was.status.is_over == entry.status.is_over:
        return tuple(entry if each.number == entry.number else each for each in jobs)
    others = tuple(each for each in jobs if each.number != entry.number)
    return (*unfinished(others), entry, *(each for each in others if each.status.is_over))


def moved(jobs: Jobs, number: int, place: int) -> Jobs:
    """With a job that waits or is paused at a place among the unfinished ones, behind those that run."""
    entry, order = entry_of(jobs, number), list(unfinished(jobs))
    if entry is None or entry not in order or entry.status is JobStatus.RUNNING:
        return jobs
    order.remove(entry)
    first = sum(each.status is JobStatus.RUNNING for each in order)
    order.insert(min(max(place, first), len(order)), entry)
    order.sort(key=lambda each: each.status is not JobStatus.RUNNING)
    return (*order, *(each for each in jobs if each.status.is_over))


def refusal(job: QueuedJob, others: Iterable[QueuedJob]) -> str:
    """Why a job is not taken beside these unfinished ones; empty where it is."""
    for other in others:
        if job.writes is not None and other.writes is not None and _is_same(job.writes, other.writes):
            return f"{other.title} writes {job.writes.name} already: choose another name, or let that end first."
        if job.asks_like(other) and not job.is_live:
            return f"{other.title} is among the jobs already, asked the same way: it is not asked twice."
    return ""


def waiting_words(entry: JobEntry, state: State) -> str:
    """What a job that has to wait waits for."""
    if state.holds_jobs:
        return f"{entry.title} waits: the jobs are held."
    before = state.jobs[: [each.number for each in state.jobs].index(entry.number)]
    runs = next((each.title for each in before if each.status is JobStatus.RUNNING), "")
    n_more = sum(each.status is JobStatus.WAITING for each in before)
    behind = " and ".join(filter(None, (runs, counted(n_more, "other job") if n_more else "")))
    return f"{entry.title} waits for {behind or 'its turn'}."


def asks_same_model(first: QueuedJob, second: QueuedJob) -> bool:
    """Whether both traces are of the same model on the same device, so that one need not load another for the other."""
    models = [_model_of(job.trace) for job in (first, second)]
    return models[0] is not None and models[0] == models[1]


def _model_of(trace: Path) -> tuple[str | bool, ...] | None:
    try:
        with open_trace(trace) as opened:
            model = opened.specification.model
            return model.source, model.revision or "", model.device, model.dtype, model.compiled
    except MoeCoreError:  # it is not begun yet
        return None


def _is_same(first: Path, second: Path) -> bool:
    return _resolved(first) == _resolved(second)


def _resolved(path: Path) -> Path:
    """The file that a path leads to, whether it is there yet or not."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
