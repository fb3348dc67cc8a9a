"""Tasks are handed to workers a few at a time, once each, and again where a worker is lost."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from moe_core.errors import ClusterError, DeviceError, RunError
from moe_core.jobs.workers import pool as pool_file
from moe_core.jobs.workers.node_report import NodeReport
from moe_core.jobs.workers.pool import AHEAD, MOST_LOSSES, Done, Pool, UnderWay, WorkerLostError

Answer = Callable[[int, str, Any], Any]


@dataclass(frozen=True)
class Task:
    """A task with a number that travels."""

    number: int


@dataclass(frozen=True)
class FakeCall:
    """What was asked of a worker, and the how many-th call it is."""

    place: int
    worker: int
    method: str
    argument: Any


class FakeActors:
    """Workers that end one call a look, the oldest first; `answer` gives results, or raises."""

    def __init__(self, n: int, answer: Answer) -> None:
        self.names = [f"node{number}" for number in range(n)]
        self.begun: list[FakeCall] = []
        self.restarted: list[int] = []
        self.gone = set[int]()
        self.most_under_way = 0
        self._open = deque[FakeCall]()
        self._answer = answer

    def call(self, worker: int, method: str, *arguments: Any) -> FakeCall:
        """Begin."""
        call = FakeCall(len(self.begun), worker, method, arguments[0] if arguments else None)
        self.begun.append(call)
        self._open.append(call)
        return call

    def insist(self, worker: int, method: str) -> FakeCall:
        """Begin to come back."""
        return self.call(worker, method)

    def n_losses(self, worker: int) -> int:
        """None that a call outlives."""
        return 0

    def has_gone(self, worker: int) -> bool:
        """Whether the test says so."""
        return worker in self.gone

    def keep(self, workers: Collection[int]) -> None:
        """Noted by their names."""
        self.names = [self.names[worker] for worker in sorted(workers)]

    def finished(self, calls: Sequence[FakeCall], timeout_s: float) -> list[FakeCall]:
        """The oldest of them."""
        self.most_under_way = max(self.most_under_way, len(calls))
        oldest = min(calls, key=lambda call: call.place)
        self._open.remove(oldest)
        return [oldest]

    def result(self, call: FakeCall) -> Any:
        """What the test says."""
        return self._answer(call.worker, call.method, call.argument)

    def restart(self, worker: int) -> None:
        """Noted."""
        self.restarted.append(worker)


def admit_all(worker: int, report: NodeReport) -> None:
    """Whoever comes back is welcome."""


def ran(
    actors: FakeActors, n: int, admit: Callable[[int, NodeReport], None] = admit_all
) -> tuple[list[int], list[str]]:
    """The numbers of the tasks as they were done, and what was said."""
    done, said = [], []
    for event in Pool(actors, admit).run("ask", map(Task, range(n)), "number"):
        match event:
            case Done(task=task, result=result):
                assert result == task.number * 10
                done.append(task.number)
            case UnderWay(text=text):
                said += [text] if text else []
    return done, said


def tenfold(worker: int, method: str, argument: Any) -> Any:
    """What a sound worker gives."""
    return argument * 10 if method == "ask" else NodeReport(f"node{worker}", {})


def test_every_task_is_done_once_by_all_workers() -> None:
    """Nothing is lost, nothing is done twice, and nobody is idle."""
    actors = FakeActors(3, tenfold)
    done, said = ran(actors, 20)
    assert sorted(done) == list(range(20))
    assert not said
    assert {call.worker for call in actors.begun} == {0, 1, 2}


def test_few_tasks_are_under_way_and_the_others_are_not_made_yet() -> None:
    """What the driver holds is bounded by the number of workers, whatever the number of tasks."""
    actors, made = FakeActors(2, tenfold), []

    def tasks() -> Iterator[Task]:
        for number in range(1000):
            made.append(number)
            yield Task(number)

    n_done = 0
    for event in Pool(actors, admit_all).run("ask", tasks(), "number"):
        n_done += isinstance(event, Done)
        assert len(made) - n_done <= 2 * AHEAD + 1
    assert n_done == 1000
    assert actors.most_under_way == 2 * AHEAD


def test_a_lost_worker_s_tasks_go_to_others_and_it_comes_back() -> None:
    """All of its tasks are done, once; what happened is told in two sentences."""
    lost = iter([True])

    def answer(worker: int, method: str, argument: Any) -> Any:
        if method == "ask" and argument == 2 and next(lost, False):
            raise WorkerLostError("killed")
        return tenfold(worker, method, argument)

    actors = FakeActors(2, answer)
    done, said = ran(actors, 30)
    assert sorted(done) == list(range(30))
    assert said[0].startswith("The worker on node0 was lost: 2 tasks")
    assert said[1] == "A worker is back, on node0"
    assert actors.begun[-1].worker in (0, 1)


def test_a_run_does_not_wait_for_a_worker_that_is_not_needed() -> None:
    """The last task is done by the other one: the run ends though the lost one is still loading."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        if worker == 0:
            raise WorkerLostError("killed")
        return tenfold(worker, method, argument)

    actors = FakeActors(2, answer)
    done, _ = ran(actors, 2)
    assert sorted(done) == [0, 1]


def test_a_task_that_ends_every_worker_ends_the_run() -> None:
    """It is not tried for ever."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        if method == "ask" and argument == 1:
            raise WorkerLostError("out of memory")
        return tenfold(worker, method, argument)

    actors = FakeActors(1, answer)
    with pytest.raises(RunError, match=f"One batch has ended {MOST_LOSSES} workers"):
        ran(actors, 5)


def test_a_device_that_fails_begins_anew_and_a_second_failure_ends_the_run() -> None:
    """A process whose GPU is lost answers nothing more; what a device always fails at is said in its own words."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        if method == "ask" and argument == 1:
            raise RunError("cuda:0 failed")
        return tenfold(worker, method, argument)

    actors = FakeActors(2, answer)
    with pytest.raises(RunError, match="cuda:0 failed"):
        ran(actors, 5)
    assert len(actors.restarted) == 1


def test_a_worker_that_does_not_come_back_is_left_out() -> None:
    """The run goes on without it; without any, it ends and says that it can be resumed."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        if worker == 0:
            raise WorkerLostError("killed") if method == "ask" else DeviceError("The model does not fit.")
        return tenfold(worker, method, argument)

    done, said = ran(FakeActors(2, answer), 20)
    assert sorted(done) == list(range(20))
    assert any("goes on without it (The model does not fit.)" in text for text in said)
    with pytest.raises(RunError, match="No worker is left: what was recorded is kept"):
        ran(FakeActors(1, answer), 20)


def test_a_worker_that_comes_back_on_another_kind_of_node_is_left_out() -> None:
    """Who comes back is judged like all at the start."""

    def admit(worker: int, report: NodeReport) -> None:
        raise ClusterError("torch is 2.13.0 on node1 and 2.12.0 on node2")

    lost = iter([True])

    def answer(worker: int, method: str, argument: Any) -> Any:
        if method == "ask" and worker == 0 and next(lost, False):
            raise WorkerLostError("killed")
        return tenfold(worker, method, argument)

    done, said = ran(FakeActors(2, answer), 20, admit)
    assert sorted(done) == list(range(20))
    assert "2.12.0 on node2" in said[-1]


def test_where_nobody_comes_back_the_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for a node to return, and not for ever."""
    monkeypatch.setattr(pool_file, "PATIENCE_S", -1.0)

    def answer(worker: int, method: str, argument: Any) -> Any:
        raise WorkerLostError("killed")

    with pytest.raises(RunError, match="No worker has come back"):
        ran(FakeActors(2, answer), 3)


def test_what_is_wrong_with_a_task_is_raised_at_once() -> None:
    """An error that is no loss is not tried again."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        raise ValueError("a bug")

    actors = FakeActors(2, answer)
    with pytest.raises(ValueError, match="a bug"):
        ran(actors, 3)


def test_what_a_stopped_run_left_behind_is_of_no_effect_on_the_next() -> None:
    """Tasks of a run that was closed may still be under way: their results are nobody's."""
    actors = FakeActors(2, tenfold)
    pool = Pool(actors, admit_all)
    stopped = pool.run("ask", map(Task, range(50)), "number")
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]  # it is a generator
    done = [event.task.number for event in pool.run("ask", map(Task, range(7)), "number") if isinstance(event, Done)]
    assert sorted(done) == list(range(7))


def test_a_task_goes_to_the_worker_that_keeps_something_of_it() -> None:
    """Whoever is done first waits rather than taking the few that another one can begin at once."""
    actors = FakeActors(3, tenfold)
    done = list(Pool(actors, admit_all).run("ask", map(Task, range(30)), "number", lambda task: task.number % 3))
    assert sorted(event.task.number for event in done if isinstance(event, Done)) == list(range(30))
    assert all(call.worker == call.argument % 3 for call in actors.begun)


def test_others_take_over_where_a_worker_has_too_much_or_begins_anew() -> None:
    """All tasks are at home with one of two workers: the other one helps, and does all while that one is away."""
    actors = FakeActors(2, tenfold)
    done = list(Pool(actors, admit_all).run("ask", map(Task, range(20)), "number", lambda _: 0))
    assert sum(isinstance(event, Done) for event in done) == 20
    assert {call.worker for call in actors.begun} == {0, 1}

    def answer(worker: int, method: str, argument: Any) -> Any:
        if worker == 0:
            raise WorkerLostError("killed")
        return tenfold(worker, method, argument)

    events = list(Pool(FakeActors(2, answer), admit_all).run("ask", map(Task, range(20)), "number", lambda _: 0))
    assert sorted(event.task.number for event in events if isinstance(event, Done)) == list(range(20))
