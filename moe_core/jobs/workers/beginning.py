"""Workers on their way: each says what it is like, and loads the model; one that ends meanwhile begins anew."""

import math
import time
from collections.abc import Generator
from typing import Any

from moe_core.errors import ClusterError
from moe_core.jobs.events import Event, Notice, Progress
from moe_core.jobs.workers.pool import TICK_S, Actors, NodeUnfitError, WorkerLostError
from moe_core.numbers.formatting import counted

MOST_LOSSES = 4
"""How often a worker may end before it has loaded the model."""


def from_each(actors: Actors, method: str, within_s: float = math.inf) -> Generator[Event, None, list[Any]]:
    """What each worker gives, with progress while they are at it; `actors` are then those that have.

    One that ends begins anew, which is told once a node; one that ends again and again, and one whose node has gone,
    are left out. Raises ClusterError where none is left, or one has not begun by then; and at once what one raises.
    """
    workers = range(len(actors.names))
    calls, found = {worker: actors.insist(worker, method) for worker in workers}, dict[int, Any]()
    seen = {worker: actors.n_losses(worker) for worker in workers}
    most, told, last, begun = {each: n + MOST_LOSSES for each, n in seen.items()}, set[str](), "", time.monotonic()
    while calls:
        ended = actors.finished(list(calls.values()), TICK_S)
        for worker, call in list(calls.items()):
            name = actors.names[worker]
            try:
                if call in ended:
                    found[worker] = actors.result(calls.pop(worker))
                elif (n := actors.n_losses(worker)) > seen[worker]:
                    seen[worker], begun = n, time.monotonic()
                    if n >= most[worker]:
                        raise WorkerLostError(f"it has ended {MOST_LOSSES} times")
                    if name not in told:
                        told.add(name)
                        yield Notice(f"The worker on {name} ended before it had loaded the model: it begins anew")
                elif actors.has_gone(worker):
                    raise WorkerLostError("its node has gone")
            except NodeUnfitError as error:
                raise ClusterError(
                    f"{name}: no worker can begin, the same moescope has to be there ({error})."
                ) from error
            except WorkerLostError as error:
                calls.pop(worker, None)
                last = str(error)
                yield Notice(f"The worker on {name} does not come back: the run goes on without it ({last})")
        if calls and not ended and time.monotonic() - begun > within_s:
            raise ClusterError(
                f"{counted(len(calls), 'worker')} could not begin within {within_s:.0f} s: the cluster has no "
                "processor or GPU that is free."
            )
        yield Progress(len(found), len(workers), "workers", 0.0, None)
    if not found:
        raise ClusterError(f"No worker has loaded the model, and none is left: {last}.")
    actors.keep(found)
    return [found[worker] for worker in sorted(found)]
