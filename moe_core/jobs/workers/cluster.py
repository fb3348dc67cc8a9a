"""A cluster by its address: found and joined, or, as `local:N`, begun on this computer; and what room it has."""

import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from moe_core.errors import ClusterError, MissingExtraError, Remedy, first_line
from moe_core.jobs.workers.address import AUTO, Address
from moe_core.jobs.workers.ray_actors import Place
from moe_core.jobs.workers.worker import threads_each
from moe_core.numbers.formatting import counted

log = logging.getLogger(__name__)

LOCAL_STORE_BYTES = 200_000_000
"""What a cluster of this computer alone may keep of results on their way: a few batches of each worker."""
_SOCKET = "/ray/session_2026-11-27_16-58-45_045364_4194304/sockets/plasma_store"
"""The longest path, as Ray names it, of a socket within the folder of temporary files; the system takes 107 bytes."""
_ANSWERS_WITHIN_S = 5.0
_QUIETLY = {"log_to_driver": False, "logging_level": logging.ERROR}
_WAIT, _MODE = "RAY_gcs_server_port_wait_time_s", "RAY_AUTH_MODE"
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client of HTTP/2, which Ray's services speak, begins: with settings, here none. RFC 9113, section 3.4."""
_SETTINGS = 4


def join(address: Address) -> Any:
    """Ray, connected; raises ClusterError where the cluster does not answer, or is of another version."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # moescope tells nobody what it is used for
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")  # which at SIGTERM prints a stack, and aborts
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "A run on workers") from error
    ray.shutdown()  # of another cluster
    _hush(ray)
    if not address.n_local:
        _reach(address.text)
    try:
        with _terminated_as_before(), _environment_as_before():
            _begin(ray, address.n_local) if address.n_local else _enter(ray, address.text)
    except (ConnectionError, OSError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
        ray.shutdown()
        raise _unreachable(address, error) from error
    return ray


def _begin(ray: Any, n: int) -> None:
    """A cluster of this computer alone, with one processor a worker in Ray's books."""
    _ask_for_tokens(ray, os.environ.get(_MODE))
    with _heard_here_alone(ray):
        ray.init(
            address="local",
            num_cpus=n,
            object_store_memory=LOCAL_STORE_BYTES,
            include_dashboard=False,
            **_folder(),
            **_QUIETLY,
        )


def _folder() -> dict[str, str]:
    """Where sockets in TMPDIR would have too long a path: the folder that Ray takes on a computer without one."""
    is_asked_for = "RAY_TMPDIR" in os.environ or not sys.platform.startswith("linux")
    is_short = len(os.fsencode(os.environ.get("TMPDIR", "") + _SOCKET)) <= 107
    return {} if is_asked_for or is_short else {"_temp_dir": "/tmp/ray"}


def _enter(ray: Any, text: str) -> None:
    """Connect; one that asks for a token is shown that of this computer.

    Ray itself shows one, or none, by what there is on this computer, and a cluster that asks for none ends each worker
    of a program that does. It would try for 20 s, or look for a node here for 60 s, and tell of each time: it is asked
    to give up sooner, and not heard.
    """
    if not ray._private.services.find_node_ids():
        raise ConnectionError("no node of a cluster runs here")
    mode = os.environ.get(_MODE)
    os.environ.setdefault(_WAIT, "3")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what befalls a worker is told by exceptions
    with _unheard():
        try:
            _ask_for_tokens(ray, "disabled")
            ray.init(address=text, **_QUIETLY)
        except ConnectionError as error:
            if mode == "disabled" or not _wants_token(error):
                raise
            ray.shutdown()
            _ask_for_tokens(ray, "token")
            ray.init(address=text, **_QUIETLY)
            return
    if mode == "token":
        ray.shutdown()
        raise ClusterError(f"The cluster at {text} asks for no token, and {_MODE}=token is set on this computer.")


def _ask_for_tokens(ray: Any, mode: str | None) -> None:
    """Have Ray ask for tokens and show them in this process, or not (`token`, `disabled`; None is as Ray likes)."""
    if mode is None:
        os.environ.pop(_MODE, None)
    else:
        os.environ[_MODE] = mode
    ray._raylet.Config.initialize("")  # Ray reads it once, and keeps that from one cluster to the next
    ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def _wants_token(error: BaseException | None) -> bool:
    while error is not None and "uthentication token" not in str(error):
        error = error.__cause__
    return error is not None


@contextmanager
def _environment_as_before() -> Iterator[None]:
    """What Ray, or who calls it, says in the environment is for the cluster that is entered, and not for the next."""
    before = {name: os.environ.get(name) for name in (_MODE, _WAIT)}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _unheard() -> Iterator[None]:
    """Nothing is written to the standard error meanwhile, by whatever library."""
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def joined(ray: Any) -> str:
    """One sentence that names the cluster: its head, and the nodes that are alive."""
    names = sorted(node_names(node for node in ray.nodes() if node["Alive"]).values())
    head = ray.get_runtime_context().gcs_address
    return f"Joined the cluster with its head at {head}: {counted(len(names), 'node')} ({', '.join(names)})"


def node_names(nodes: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The name of each by its NodeID: its host, with its address, and a number, where others are named alike."""
    ordered = sorted(nodes, key=lambda node: str(node["NodeID"]))
    hosts = [str(node["NodeManagerHostname"]) for node in ordered]
    names = [
        host if hosts.count(host) == 1 else f"{host} ({node['NodeManagerAddress']})"
        for host, node in zip(hosts, ordered, strict=True)
    ]
    numbered = [
        name if names.count(name) == 1 else f"{name}/{1 + names[:place].count(name)}"
        for place, name in enumerate(names)
    ]
    return {node["NodeID"]: name for node, name in zip(ordered, numbered, strict=True)}


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
    names = node_names(nodes)
    found = [
        place for node in nodes for place in _places_of(node, names[node["NodeID"]], wants_gpu=wants_gpu, device=device)
    ]
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


def _places_of(node: dict[str, Any], name: str, *, wants_gpu: bool, device: str) -> Iterator[Place]:
    n_cpus, n_gpus = (int(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
    if wants_gpu and device == "balanced" and n_gpus:
        yield Place(node["NodeID"], min(1, n_cpus), n_gpus, max(1, n_cpus), name)
    elif wants_gpu:
        share = max(1, n_cpus // max(1, n_gpus))
        yield from (Place(node["NodeID"], min(1, n_cpus), 1, share, name) for _ in range(n_gpus))
    elif n_cpus:
        yield Place(node["NodeID"], n_cpus, 0, n_cpus, name)


@contextmanager
def _heard_here_alone(ray: Any) -> Iterator[None]:
    """Have what Ray begins listen on the loopback: it does so where it thinks that a system can be in no cluster."""
    constants = ray._private.ray_constants
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _terminated_as_before() -> Iterator[None]:
    """Have SIGTERM do what it did: Ray would print what was called, and leave with an exit code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _hush(ray: Any) -> None:
    """Have Ray tell the log what befell a worker: by itself it prints that where a command prints its result."""
    with suppress(AttributeError):  # they are none of its public functions
        worker = ray._private.worker
        worker.print_to_stdstream = lambda data, **_: log.info("%s", data.get("lines"))
        # A program that ended before this thread of Ray's had begun to listen waited for it for ever; what it would
        # tell of, exceptions tell too.
        worker.listen_error_messages = lambda *_: None


def _reach(text: str) -> None:
    """Raise ClusterError where nothing listens there, or something else.

    Ray's own client, and `ray health-check` with it, says the same of both, after 40 s.
    """
    if text == AUTO:
        return
    host, _, port = text.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_WITHIN_S) as asked:
            asked.sendall(_GREETING)
            frame = asked.recv(4)  # three bytes of length, and the kind
            reason = "" if frame[3:] == bytes((_SETTINGS,)) else "something else listens there"
    except OSError as error:
        reason = error.strerror or first_line(error)
    if reason:
        raise ClusterError(f"No cluster answers at {text} ({reason}).", Remedy.START_CLUSTER)


def _unreachable(address: Address, error: Exception) -> ClusterError:
    text = " ".join(str(error).split())
    if "ersion mismatch" in text or "started with" in text:
        import ray

        theirs = re.search(r"Ray: (\S+).*?Python: (\S+)", text)
        of = f"Ray {theirs[1]} and Python {theirs[2]}" if theirs else "another version of Ray or Python"
        return ClusterError(
            f"The cluster at {address.text} is of {of}, and this is Ray {ray.__version__}: they must be the same."
        )
    if _wants_token(error):
        return ClusterError(
            f"The cluster at {address.text} asks for its token: set RAY_AUTH_MODE=token on every node, here too, and "
            "give each the token that its head has."
        )
    if address.n_local:
        return ClusterError(f"Workers cannot be started on this computer: {first_line(error)}.")
    if address.text == AUTO:
        return ClusterError("This computer is no node of a cluster that runs.", Remedy.START_CLUSTER)
    return ClusterError(
        f"The cluster at {address.text} cannot be joined ({first_line(error)}): this computer must be a node of it.",
        Remedy.START_CLUSTER,
    )
