"""Hands tasks to workers, a few at a time, and again to others where a worker is lost.

What is under way is bounded, and so is the memory of the process that takes the results in. Nothing in here knows
where workers are: `Actors` does.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from moe_core.errors import MoeCoreError, RunError
from moe_core.jobs.workers.node_report import NodeReport
from moe_core.numbers.formatting import counted

log = logging.getLogger(__name__)

AHEAD = 2
"""Tasks that a worker has at once: one that it runs, and one so that it need not wait."""
MOST_LOSSES = 8
"""How many workers in turn a task may take with it."""
MOST_FAILURES = 2
"""How often a task may fail on a device."""
MOST_RETURNS = 3
"""How often in turn a worker may fail to load the model: the memory of the process before may not be free at once."""
TICK_S = 0.5
PATIENCE_S = 600.0
_KEPT = "what was recorded is kept, and can be resumed."
T = TypeVar("T")
Call = Any


class WorkerLostError(Exception):
    """A worker, or its node, is gone: what it was to do has to be done again."""


class Actors(Protocol):
    """Workers, by their number, wherever they are."""

    names: list[str]
    """The node that each is on."""

    def call(self, worker: int, method: str, *arguments: Any) -> Call:
        """Begin something there; a worker does one thing after the other."""

    def back(self, worker: int) -> Call:
        """Have one that was lost load its model and report, however often it is lost again meanwhile."""

    def finished(self, calls: Sequence[Call], timeout_s: float) -> list[Call]:
        """Those that have ended, as soon as there is one, or none after the timeout."""

    def result(self, call: Call) -> Any:
        """What one that has ended gave; raises WorkerLostError, or what was raised there."""

    def restart(self, worker: int) -> None:
        """End its process; another one begins in its place."""


@dataclass(frozen=True)
class Done(Generic[T]):
    """A task is done, by a worker on that node."""

    task: T
    result: Any
    node: str


@dataclass(frozen=True)
class UnderWay:
    """Nothing is done since the last event; `text` is what there is to say, if anything."""

    text: str = ""


@dataclass
class _Job(Generic[T]):
    task: T
    losses: int = 0
    failures: int = 0


class _Queue(Generic[T]):
    """What is still to be handed out; of the tasks that were never handed out, one is made at a time."""

    def __init__(self, tasks: Iterator[T]) -> None:
        self._tasks = tasks
        self._jobs = deque[_Job[T]]()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        if not self._jobs and (task := next(self._tasks, None)) is not None:
            self._jobs.append(_Job(task))
        return not self._jobs

    def take(self) -> _Job[T]:
        """The next one, where there is any."""
        return self._jobs.popleft()

    def put_back(self, jobs: Sequence[_Job[T]]) -> None:
        """These come next, in their order."""
        self._jobs.extendleft(reversed(jobs))


@dataclass
class _Worker(Generic[T]):
    number: int
    under_way: deque[tuple[Call, _Job[T]]] = field(default_factory=deque)
    coming_back: Call = None
    failed_returns: int = 0
    is_gone: bool = False

    @property
    def is_ready(self) -> bool:
        return not self.is_gone and self.coming_back is None


class Pool:
    """The workers of one model; `admit` judges what one says of itself that has come back, maybe on another node."""

    def __init__(self, actors: Actors, admit: Callable[[int, NodeReport], None]) -> None:
        self._actors = actors
        self._admit = admit
        self._workers: list[_Worker[Any]] = [_Worker(number) for number in range(len(actors.names))]

    def run(self, method: str, tasks: Iterator[T], argument: str) -> Iterator[Done[T] | UnderWay]:
        """Every task once, in whatever order they end; tasks are taken as there is room for them.

        `method` is what a worker does, `argument` names the attribute of a task that it is handed. Raises RunError
        where no worker is left, or a task has ended worker after worker; and what a worker raises.
        """
        queue = _Queue(tasks)
        for worker in self._workers:
            worker.under_way.clear()  # of a run that was stopped
        waiting_since = time.monotonic()
        while True:
            self._hand_out(method, queue, argument)
            if queue.is_empty and not any(worker.under_way for worker in self._workers):
                return
            if all(worker.is_gone for worker in self._workers):
                raise RunError(f"No worker is left: {_KEPT}")
            ended = self._actors.finished(self._calls(), TICK_S)
            if any(worker.is_ready for worker in self._workers):
                waiting_since = time.monotonic()
            elif time.monotonic() - waiting_since > PATIENCE_S:
                raise RunError(f"No worker has come back: {_KEPT}")
            if not ended:
                yield UnderWay()
            for call in ended:
                yield from self._ended(call, queue)

    def _calls(self) -> list[Call]:
        under_way = [call for worker in self._workers for call, _ in worker.under_way]
        return under_way + [worker.coming_back for worker in self._workers if worker.coming_back is not None]

    def _hand_out(self, method: str, queue: "_Queue[T]", argument: str) -> None:
        """One task each first, then one more each: the last ones are then spread evenly."""
        for depth in range(1, AHEAD + 1):
            for worker in self._workers:
                if queue.is_empty:
                    return
                if worker.is_ready and len(worker.under_way) < depth:
                    job = queue.take()
                    call = self._actors.call(worker.number, method, getattr(job.task, argument))
                    worker.under_way.append((call, job))

    def _ended(self, call: Call, queue: "_Queue[T]") -> Iterator[Done[T] | UnderWay]:
        for worker in self._workers:
            if worker.coming_back is not None and call == worker.coming_back:
                yield from self._has_come_back(worker)
                return
            for other, job in worker.under_way:
                if call == other:
                    yield self._done(worker, call, job, queue)
                    return
        # What is left is of a worker that was lost a moment ago.

    def _done(self, worker: "_Worker[T]", call: Call, job: "_Job[T]", queue: "_Queue[T]") -> Done[T] | UnderWay:
        try:
            result = self._actors.result(call)
        except (WorkerLostError, RunError) as error:
            return self._lost(worker, error, queue)
        worker.under_way = deque((other, each) for other, each in worker.under_way if other != call)
        return Done(job.task, result, self._actors.names[worker.number])

    def _lost(self, worker: "_Worker[T]", error: WorkerLostError | RunError, queue: "_Queue[T]") -> UnderWay:
        """Take a lost worker's tasks back, the one that it was at first, and have it begin anew."""
        jobs = [job for _, job in worker.under_way]
        worker.under_way.clear()
        jobs[0].losses += 1
        log.info("Worker %d was lost: %s", worker.number, error)
        if isinstance(error, RunError):  # the device answers nothing more until its process has ended
            jobs[0].failures += 1
            if jobs[0].failures >= MOST_FAILURES:
                raise error
            self._actors.restart(worker.number)
        if jobs[0].losses >= MOST_LOSSES:
            raise RunError(f"One batch has ended {MOST_LOSSES} workers, maybe for want of memory: {_KEPT}")
        queue.put_back(jobs)
        worker.coming_back = self._actors.back(worker.number)
        name = self._actors.names[worker.number]
        return UnderWay(f"The worker on {name} was lost: {counted(len(jobs), 'task')} of it go to the next one free")

    def _has_come_back(self, worker: "_Worker[Any]") -> Iterator[UnderWay]:
        call, worker.coming_back = worker.coming_back, None
        name = self._actors.names[worker.number]
        try:
            self._admit(worker.number, self._actors.result(call))
        except (WorkerLostError, MoeCoreError) as error:
            worker.failed_returns += 1
            if worker.failed_returns < MOST_RETURNS:
                worker.coming_back = self._actors.back(worker.number)
                return
            worker.is_gone = True
            yield UnderWay(f"The worker on {name} does not come back: the run goes on without it ({error})")
            return
        worker.failed_returns = 0
        yield UnderWay(f"A worker is back, on {self._actors.names[worker.number]}")
