"""Hands tasks to workers, a few at a time, and again to others where a worker is lost.

What is under way is bounded, and so is the memory of the process that takes the results in. Nothing in here knows
where workers are: `Actors` does.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from moe_core.errors import MoeCoreError, RunError
from moe_core.jobs.workers.node_report import NodeReport
from moe_core.numbers.formatting import counted

log = logging.getLogger(__name__)

AHEAD = 2
"""Tasks that a worker has at once: one that it runs, and one so that it need not wait."""
ANYONE = -1
"""The home of a task of which no worker keeps anything."""
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


class NodeUnfitError(WorkerLostError):
    """No worker can begin on its node, as where moescope is missing or another one."""


class Actors(Protocol):
    """Workers, by their number, wherever they are."""

    names: list[str]
    """The node that each is on."""

    def call(self, worker: int, method: str, *arguments: Any) -> Call:
        """Begin something there; a worker does one thing after the other."""

    def insist(self, worker: int, method: str) -> Call:
        """Begin something there, and begin it again however often the worker is lost meanwhile."""

    def n_losses(self, worker: int) -> int:
        """How often it has been lost so far."""

    def has_gone(self, worker: int) -> bool:
        """Whether its node is gone."""

    def keep(self, workers: Collection[int]) -> None:
        """Go on with these alone, in their order; the others end."""

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
    """What is still to be handed out, to anyone or to the worker that `home` names; tasks are made as they are needed.

    Another worker gets those only where their own has begun anew, or more of them wait than it can be given at once.
    """

    def __init__(self, tasks: Iterator[T], home: Callable[[T], int]) -> None:
        self._tasks = tasks
        self._home = home
        self._waiting: defaultdict[int, deque[_Job[T]]] = defaultdict(deque)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not any(self._waiting.values()) and not self._makes_one()

    def take(self, worker: int, ready: Collection[int]) -> _Job[T] | None:
        """The next one for a worker, if there is any; those that are `ready` need no help with a few."""
        anyone, own = self._waiting[ANYONE], self._waiting[worker]
        while not (anyone or own) and self._makes_one():
            pass
        if not (found := anyone or own):
            others = (jobs for home, jobs in self._waiting.items() if jobs and (home not in ready or len(jobs) > AHEAD))
            found = max(others, key=len, default=found)
        return found.popleft() if found else None

    def put_back(self, jobs: Sequence[_Job[T]]) -> None:
        """These come next, in their order."""
        self._waiting[ANYONE].extendleft(reversed(jobs))

    def _makes_one(self) -> bool:
        if (task := next(self._tasks, None)) is None:
            return False
        self._waiting[self._home(task)].append(_Job(task))
        return True


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

    def run(
        self, method: str, tasks: Iterator[T], argument: str, home: Callable[[T], int] = lambda _: ANYONE
    ) -> Iterator[Done[T] | UnderWay]:
        """Every task once, in whatever order they end; tasks are taken as there is room for them.

        `method` is what a worker does, `argument` names the attribute of a task that it is handed, `home` the worker
        that may keep something of it. Raises RunError where no worker is left, or a task has ended worker after worker;
        and what a worker raises.
        """
        queue = _Queue(tasks, home)
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
        ready = {worker.number for worker in self._workers if worker.is_ready}
        for depth in range(1, AHEAD + 1):
            for worker in self._workers:
                if queue.is_empty:
                    return
                has_room = worker.is_ready and len(worker.under_way) < depth
                if has_room and (job := queue.take(worker.number, ready)) is not None:
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
        worker.coming_back = self._actors.insist(worker.number, "back")
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
                worker.coming_back = self._actors.insist(worker.number, "back")
                return
            worker.is_gone = True
            yield UnderWay(f"The worker on {name} does not come back: the run goes on without it ({error})")
            return
        worker.failed_returns = 0
        yield UnderWay(f"A worker is back, on {self._actors.names[worker.number]}")
