"""Workers as actors of a Ray cluster: one a GPU, or, where none is used, one a node. https://docs.ray.io

Ray is imported when a cluster is first asked for: nothing else needs it.
"""

import socket
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from moe_core.errors import ClusterError, MoeCoreError, RunError, first_line
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.workers.pool import NodeUnfitError, WorkerLostError
from moe_core.jobs.workers.worker import Worker

LOOKS_EVERY_S, ANSWERS_WITHIN_S, SILENT_S = 3.0, 3.0, 30.0


@dataclass(frozen=True)
class Place:
    """Where a worker is put: `node` in Ray's own words, empty for anywhere, and what it may use there."""

    node: str
    n_cpus: int
    n_gpus: int
    n_threads: int
    name: str = ""
    memory_share: float = 1.0


class HeadWatch:
    """Asks now and then whether the head of a cluster, HOST:PORT, still listens.

    Ray goes on for a minute without, and then ends the program in the middle of whatever it does.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._place = host.strip("[]"), int(port)
        self._asked = self._heard = time.monotonic()

    def look(self) -> None:
        """Raises RunError where it has been silent for long."""
        now = time.monotonic()
        if now - self._asked < LOOKS_EVERY_S:
            return
        self._asked = now
        try:
            socket.create_connection(self._place, ANSWERS_WITHIN_S).close()
            self._heard = now
        except OSError as error:
            if now - self._heard > SILENT_S:
                raise RunError(
                    "The head of the cluster is gone: what was recorded is kept, and can be resumed."
                ) from error


class RayActors:
    """The workers; see `pool.Actors`."""

    _head: HeadWatch | None = None

    def __init__(self, ray: Any, request: ModelRequest, places: Sequence[Place]) -> None:
        self._ray = ray
        self._places = list(places)
        self.names = [place.name for place in places]
        self._handles = [_begun(ray, request, place) for place in places]

    def call(self, worker: int, method: str, *arguments: Any) -> Any:
        """Begin something there."""
        return getattr(self._handles[worker], method).remote(*arguments)

    def insist(self, worker: int, method: str) -> Any:
        """Ask until it answers; Ray itself waits for one that begins anew, and asks again."""
        return getattr(self._handles[worker], method).options(max_task_retries=-1).remote()

    def n_losses(self, worker: int) -> int:
        """How often Ray has begun its process anew."""
        with suppress(AttributeError):  # none of its public functions, which ask a dashboard that need not be there
            found = self._ray._private.state.actors(self._handles[worker]._actor_id.hex())
            return int(found.get("NumRestarts") or 0)
        return 0

    def has_gone(self, worker: int) -> bool:
        """Whether the node that it was put on is none of the cluster any more."""
        node = self._places[worker].node
        return bool(node) and not any(each["NodeID"] == node and each["Alive"] for each in self._ray.nodes())

    def keep(self, workers: Collection[int]) -> None:
        """Go on with these alone, in their order; the others end."""
        for number, handle in enumerate(self._handles):
            if number not in workers:
                self._ray.kill(handle, no_restart=True)
        self.names = [self.names[number] for number in sorted(workers)]
        self._places = [self._places[number] for number in sorted(workers)]
        self._handles = [self._handles[number] for number in sorted(workers)]

    def finished(self, calls: Sequence[Any], timeout_s: float) -> list[Any]:
        """Those that have ended, as soon as there is one, or none after the timeout; RunError without a head."""
        self._head = self._head or HeadWatch(self._ray.get_runtime_context().gcs_address)
        self._head.look()
        ended: list[Any] = self._ray.wait(list(calls), num_returns=1, timeout=timeout_s)[0]
        return ended

    def result(self, call: Any) -> Any:
        """What one gave; WorkerLostError where Ray knows that it, its node, or what it gave is gone."""
        ray = self._ray.exceptions
        try:
            return self._ray.get(call)
        except ray.RayTaskError as error:
            if isinstance(cause := error.cause, MoeCoreError):
                raise cause from None
            raise
        except ray.LocalRayletDiedError as error:
            raise RunError("The cluster is gone: what was recorded is kept, and can be resumed.") from error
        except ray.RaySystemError as error:
            raise RunError(f"The cluster failed ({first_line(error)}): what was recorded is kept.") from error
        except ray.RuntimeEnvSetupError as error:
            raise ClusterError(f"A worker cannot begin: {first_line(error)}.") from error
        except ray.ActorUnavailableError as error:  # of which Ray says how its own calls work
            raise WorkerLostError("its process does not answer") from error
        except ray.RayActorError as error:
            if error.actor_init_failed:  # of which the last line is the reason
                raise NodeUnfitError(str(error).strip().splitlines()[-1].rstrip(".")) from error
            raise WorkerLostError(first_line(error)) from error
        except ray.RayError as error:
            raise WorkerLostError(first_line(error)) from error

    def restart(self, worker: int) -> None:
        """End its process; Ray begins another."""
        self._ray.kill(self._handles[worker], no_restart=False)

    def end(self) -> None:
        """End all of them for good."""
        for handle in self._handles:
            self._ray.kill(handle, no_restart=True)
        self._handles = []


def _begun(ray: Any, request: ModelRequest, place: Place) -> Any:
    """An actor that begins anew, here or on another node, as often as it is lost; its tasks are the pool's business."""
    options = {"num_cpus": place.n_cpus, "num_gpus": place.n_gpus, "max_restarts": -1, "max_task_retries": 0}
    if place.node:
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        options["scheduling_strategy"] = strategy(node_id=place.node, soft=True)
    return ray.remote(Worker).options(**options).remote(request, place.n_threads, place.name, place.memory_share)
