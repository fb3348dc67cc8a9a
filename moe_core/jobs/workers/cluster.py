"""A cluster by its address: found and joined, or, as `local:N`, begun on this computer; and what room it has."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from moe_core.errors import ClusterError, MissingExtraError, Remedy, first_line
from moe_core.jobs.workers.address import AUTO, Address
from moe_core.jobs.workers.ray_actors import Place
from moe_core.jobs.workers.worker import threads_each
from moe_core.numbers.formatting import counted

log = logging.getLogger(__name__)

LOCAL_STORE_BYTES = 200_000_000
"""What a cluster of this computer alone may keep of results on their way: a few batches of each worker."""
_ANSWERS_WITHIN_S = 5.0


def join(address: Address) -> Any:
    """Ray, connected; raises ClusterError where the cluster does not answer, or is of another version."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # moescope tells nobody what it is used for
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "A run on workers") from error
    ray.shutdown()  # of another cluster
    _hush(ray)
    if not address.n_local:
        _reach(address.text)
    quiet = {"include_dashboard": False} if address.n_local else {}
    try:
        with _heard_here_alone(ray) if address.n_local else nullcontext():
            ray.init(
                address="local" if address.n_local else address.text,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **quiet,
                **_local_options(address.n_local),
            )
    except (ConnectionError, OSError, RuntimeError, ValueError, TimeoutError) as error:
        ray.shutdown()
        raise _unreachable(address, error) from error
    return ray


def joined(ray: Any) -> str:
    """One sentence that names the cluster: its head, and the nodes that are alive."""
    names = sorted(str(node["NodeManagerHostname"]) for node in ray.nodes() if node["Alive"])
    head = ray.get_runtime_context().gcs_address
    return f"Joined the cluster with its head at {head}: {counted(len(names), 'node')} ({', '.join(names)})"


def places(ray: Any, address: Address, device: str) -> list[Place]:
    """Where workers are put for a model on this device: one a GPU, all of a node's for `balanced`, else one a node.

    Raises ClusterError where there is no room.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    wants_gpu = device != "cpu" and any(node["Resources"].get("GPU", 0) for node in nodes)
    if device.startswith("cuda") and not wants_gpu:
        raise ClusterError("No node of the cluster has a GPU: choose auto or cpu.")
    if address.n_local:
        return list(_local_places(address.n_local, nodes[0], wants_gpu=wants_gpu))
    found = [place for node in nodes for place in _places_of(node, wants_gpu=wants_gpu, device=device)]
    if not found:
        raise ClusterError(f"The cluster at {address.text} has no node with a free processor.")
    return found


def _local_places(n: int, node: dict[str, Any], *, wants_gpu: bool) -> Iterator[Place]:
    n_gpus = int(node["Resources"].get("GPU", 0))
    if wants_gpu and n > n_gpus:
        raise ClusterError(f"local:{n} means {n} workers, one a GPU, and this computer has {n_gpus}.")
    for number in range(n):
        share = 1.0 if wants_gpu else 1 / n
        yield Place("", 1, int(wants_gpu), threads_each(n), f"{socket.gethostname()}/{number + 1}", share)


def _places_of(node: dict[str, Any], *, wants_gpu: bool, device: str) -> Iterator[Place]:
    n_cpus, n_gpus = (int(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
    name = str(node["NodeManagerHostname"])
    if wants_gpu and device == "balanced" and n_gpus:
        yield Place(node["NodeID"], min(1, n_cpus), n_gpus, max(1, n_cpus), name)
    elif wants_gpu:
        share = max(1, n_cpus // max(1, n_gpus))
        yield from (Place(node["NodeID"], min(1, n_cpus), 1, share, name) for _ in range(n_gpus))
    elif n_cpus:
        yield Place(node["NodeID"], n_cpus, 0, n_cpus, name)


def _local_options(n: int) -> dict[str, Any]:
    if not n:
        return {}
    return {"num_cpus": n, "object_store_memory": LOCAL_STORE_BYTES}  # one processor each in Ray's books


@contextmanager
def _heard_here_alone(ray: Any) -> Iterator[None]:
    """Have what Ray begins listen on the loopback: it does so where it thinks that a system can be in no cluster."""
    constants = ray._private.ray_constants
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _hush(ray: Any) -> None:
    """Have Ray tell the log what befell a worker: by itself it prints that where a command prints its result."""
    with suppress(AttributeError):  # it is none of its public functions
        ray._private.worker.print_to_stdstream = lambda data, **_: log.info("%s", data.get("lines"))


def _reach(text: str) -> None:
    """Raise ClusterError where nothing listens there: Ray itself would try for minutes."""
    if text == AUTO:
        return
    host, _, port = text.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN_S).close()
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise ClusterError(f"No cluster answers at {text} ({reason}).", Remedy.START_CLUSTER) from error


def _unreachable(address: Address, error: Exception) -> ClusterError:
    text = " ".join(str(error).split())
    if "ersion mismatch" in text or "started with" in text:
        import ray

        theirs = re.search(r"Ray: (\S+).*?Python: (\S+)", text)
        of = f"Ray {theirs[1]} and Python {theirs[2]}" if theirs else "another version of Ray or Python"
        return ClusterError(
            f"The cluster at {address.text} is of {of}, and this is Ray {ray.__version__}: they must be the same."
        )
    if address.n_local:
        return ClusterError(f"Workers cannot be started on this computer: {first_line(error)}.")
    if address.text == AUTO:
        return ClusterError("This computer is no node of a cluster that runs.", Remedy.START_CLUSTER)
    return ClusterError(
        f"The cluster at {address.text} cannot be joined ({first_line(error)}): this computer must be a node of it.",
        Remedy.START_CLUSTER,
    )
