"""Workers that end before they have loaded the model begin anew, a few times; what is left of them begins the run."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from moe_core.errors import ClusterError, ModelError
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.workers.beginning import MOST_LOSSES, from_each
from moe_core.jobs.workers.pool import NodeUnfitError
from tests.job_results import result_of
from tests.jobs.workers.test_pool import FakeActors, FakeCall, tenfold


def begun(actors: FakeActors) -> tuple[list[str], list[str]]:
    """The nodes whose workers have loaded the model, and what was said."""
    events: list[Event] = []
    reports = result_of(from_each(actors, "back"), events)
    return [report.node for report in reports], [event.text for event in events if isinstance(event, Notice)]


class Dying(FakeActors):
    """Each of them is lost so often before it answers."""

    def __init__(self, n: int, losses: dict[int, int]) -> None:
        super().__init__(n, tenfold)
        self._to_come = losses
        self._lost = Counter[int]()

    def finished(self, calls: Sequence[FakeCall], timeout_s: float) -> list[FakeCall]:
        """One is lost, or else one has answered."""
        for call in calls:
            if self._lost[call.worker] < self._to_come.get(call.worker, 0):
                self._lost[call.worker] += 1
                return []
        return super().finished(calls, timeout_s)

    def n_losses(self, worker: int) -> int:
        """So far."""
        return self._lost[worker]


@pytest.mark.parametrize("lost", [{0: 1}, {0: 1, 1: 1}, {1: MOST_LOSSES - 1}])
def test_a_worker_that_ends_begins_anew(lost: dict[int, int]) -> None:
    """Also where all of them do, or the last one that is left: every one is there in the end, in order."""
    said = [f"The worker on node{worker} ended before it had loaded the model: it begins anew" for worker in lost]
    actors = Dying(2, lost)
    assert begun(actors) == (["node0", "node1"], said)
    assert actors.names == ["node0", "node1"]


def test_it_is_told_once_a_node() -> None:
    """Eight workers of one machine that runs out of memory are one sentence."""
    actors = Dying(8, dict.fromkeys(range(8), 1))
    actors.names = ["alpha"] * 8
    assert len(begun(actors)[1]) == 1


def test_a_worker_that_ends_every_time_is_left_out() -> None:
    """The others begin; where there are none, that is an error with what became of the last one."""
    actors = Dying(2, {0: 9})
    names, said = begun(actors)
    assert names == actors.names == ["node1"]
    assert said[-1] == (
        f"The worker on node0 does not come back: the run goes on without it (it has ended {MOST_LOSSES} times)"
    )
    with pytest.raises(ClusterError, match=r"^No worker has loaded the model, and none is left: it has ended \d times"):
        begun(Dying(2, {0: 9, 1: 9}))


def test_a_node_that_has_gone_is_left_out() -> None:
    """Its worker would be waited for for ever: nothing tells whether it will be put elsewhere."""

    class Half(FakeActors):
        def finished(self, calls: Sequence[FakeCall], timeout_s: float) -> list[FakeCall]:
            sound = [call for call in calls if call.worker not in self.gone]
            return super().finished(sound, timeout_s) if sound else []

    actors = Half(3, tenfold)
    actors.gone = {1}
    names, said = begun(actors)
    assert names == actors.names == ["node0", "node2"]
    assert said == ["The worker on node1 does not come back: the run goes on without it (its node has gone)"]


def test_a_model_that_cannot_be_loaded_ends_it_at_once() -> None:
    """In its own words; nobody begins anew for that."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        raise ModelError("This is no model.")

    actors = FakeActors(2, answer)
    with pytest.raises(ModelError, match="This is no model"):
        begun(actors)
    assert len(actors.begun) == 2


def test_a_node_without_moescope_ends_it_at_once() -> None:
    """As one with another version does: its GPUs would be missed by nobody."""

    def answer(worker: int, method: str, argument: Any) -> Any:
        if worker == 1:
            raise NodeUnfitError("ModuleNotFoundError: No module named 'moe_core'")
        return tenfold(worker, method, argument)

    with pytest.raises(ClusterError, match=r"^node1: no worker can begin, .* \(ModuleNotFoundError: No module"):
        begun(FakeActors(2, answer))


def test_workers_that_cannot_begin_are_told_of() -> None:
    """A cluster whose processors are all taken would never answer."""

    class Busy(FakeActors):
        def finished(self, calls: Sequence[FakeCall], timeout_s: float) -> list[FakeCall]:
            return []

    with pytest.raises(ClusterError, match="2 workers could not begin within 0 s: the cluster has no processor or GPU"):
        result_of(from_each(Busy(2, tenfold), "report", 0.0))
