"""Addresses of clusters, and what is said where one cannot be joined; no Ray is needed for that."""

import builtins
import importlib
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from moe_core.errors import ClusterError, InstallExtra, MissingExtraError, RunError
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.workers import cluster, ray_actors
from moe_core.jobs.workers.address import Address, parse_address
from moe_core.jobs.workers.cluster import join, joined, places
from moe_core.jobs.workers.pool import NodeUnfitError, WorkerLostError
from moe_core.jobs.workers.ray_actors import HeadWatch, RayActors


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local:2", Address("local:2", 2)),
        (" local:64 ", Address("local:64", 64)),
        ("auto", Address("auto")),
        ("head:6379", Address("head:6379")),
        ("10.0.0.1:6379", Address("10.0.0.1:6379")),
        ("[fe80::1]:6379", Address("[fe80::1]:6379")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    """This computer, the cluster that it belongs to, or one by its head."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "local", "local:0", "local:65", "local:x", "head", "head:0", "ray://h:10001", "a b:1"]
)
def test_what_is_no_address(text: str) -> None:
    """One sentence that names all three forms."""
    with pytest.raises(ClusterError, match=r"is no address of a cluster: give local:2 .* auto .* HOST:PORT"):
        parse_address(text)


def test_where_nobody_answers() -> None:
    """Said within seconds, with the system's reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        text = f"127.0.0.1:{taken.getsockname()[1]}"
        pytest.importorskip("ray", reason="the extra [ray] is not installed")
        with pytest.raises(ClusterError, match=rf"No cluster answers at {text} \(.+\)\."):
            join(Address(text))


@pytest.mark.parametrize(
    ("answer", "reason", "within_s"),
    [(b"HTTP/1.1 400 Bad Request", "something else listens there", 60.0), (b"", "timed out", 0.2)],
)
def test_where_something_else_listens(
    answer: bytes, reason: str, within_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's port, one that answers and one that does not: Ray would try for minutes."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    monkeypatch.setattr(cluster, "_ANSWERS_WITHIN_S", within_s)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: server.accept()[0])
        text = f"127.0.0.1:{server.getsockname()[1]}"
        pool.submit(lambda: asked.result().sendall(answer))
        with pytest.raises(ClusterError, match=rf"No cluster answers at {text} \({reason}\)\."):
            join(Address(text))
        asked.result().close()


class Clusters:
    """Ray's `init` for clusters that ask for a token and others; `shown` says whether it was to show one, each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, has_token: bool = True) -> None:
        ray, self.shown, self._has_token = pytest.importorskip("ray"), list[bool](), has_token
        self._raylet = importlib.import_module("ray._raylet")
        monkeypatch.setattr(ray, "init", self.init)
        monkeypatch.setattr(ray._private.services, "find_node_ids", lambda: {"a node"})
        monkeypatch.setattr(cluster, "_reach", lambda _: None)

    def init(self, address: str, **_: Any) -> None:
        """As Ray does: by the mode that it has read, which `local` sets for this process and whatever it begins."""
        os.write(2, b"Unauthenticated: RPC error: InvalidAuthToken")
        if address == "local":
            os.environ.setdefault("RAY_AUTH_MODE", "token")
            self._raylet.Config.initialize("")
        self.shown.append(self._raylet.get_authentication_mode() == self._raylet.AuthenticationMode.TOKEN)
        if address == "asks:1" and not (self.shown[-1] and self._has_token):
            reason = RuntimeError("AuthenticationError: RPC error: Authentication token is missing or incorrect.")
            raise ConnectionError("Failed to connect to Ray cluster") from reason


@pytest.mark.parametrize("mode", [None, "token"])
def test_a_cluster_that_asks_for_a_token_is_shown_it(
    mode: str | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whether or not the environment says so, which it says afterwards as before. Ray is silent."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    clusters = Clusters(monkeypatch)
    join(Address("asks:1"))
    assert clusters.shown == [False, True]
    assert os.environ.get("RAY_AUTH_MODE") == mode
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("mode", "has_token"), [("disabled", True), (None, False)])
def test_a_cluster_that_asks_for_a_token_in_vain(
    mode: str | None, monkeypatch: pytest.MonkeyPatch, *, has_token: bool
) -> None:
    """There is none, or it is not to be shown: a sentence says what is missing."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    Clusters(monkeypatch, has_token=has_token)
    with pytest.raises(ClusterError, match="The cluster at asks:1 asks for its token: set RAY_AUTH_MODE=token"):
        join(Address("asks:1"))


def test_a_cluster_that_asks_for_no_token_is_shown_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end every worker of a program that does; also after clusters that asked, in the same process."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    clusters = Clusters(monkeypatch)
    for text in ("open:1", "local:1", "open:1", "asks:1", "auto"):
        join(parse_address(text))
    assert clusters.shown == [False, True, False, False, True, False]
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(ClusterError, match=r"open:1 asks for no token, and RAY_AUTH_MODE=token is set on this"):
        join(Address("open:1"))


def test_a_computer_that_is_no_node_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at once: Ray itself looks for a node for a minute."""
    ray = pytest.importorskip("ray")
    Clusters(monkeypatch)
    monkeypatch.setattr(ray._private.services, "find_node_ids", set)
    with pytest.raises(ClusterError, match=r"cannot be joined \(no node of a cluster runs here\): this computer must"):
        join(Address("open:1"))
    with pytest.raises(ClusterError, match="This computer is no node of a cluster that runs"):
        join(Address("auto"))


def test_a_signal_to_end_does_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own handler prints a stack and leaves with another exit code."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(pytest.importorskip("ray"), "init", lambda **_: signal.signal(signal.SIGTERM, sys.exit))
    join(Address("local:1", 1))
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray takes a folder of its own")
@pytest.mark.parametrize(("folder", "given"), [("/scratch", None), (f"/scratch/{'n' * 40}", "/tmp/ray")])
def test_a_long_folder_of_temporary_files_is_passed_by(
    folder: str, given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a batch system names them: no socket could be made in there."""
    begun: list[str | None] = []
    monkeypatch.setattr(pytest.importorskip("ray"), "init", lambda **given: begun.append(given.get("_temp_dir")))
    monkeypatch.setenv("TMPDIR", folder)
    join(Address("local:1", 1))
    assert begun == [given]


def test_a_program_may_end_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of Ray's that asked a cluster for messages which was gone by then ended with a traceback, or never."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    worker, asked = importlib.import_module("ray._private.worker"), list[object]()
    monkeypatch.setattr("ray.init", lambda **_: None)
    monkeypatch.setattr(worker, "listen_error_messages", lambda *given: asked.extend(given))
    join(Address("local:1", 1))
    worker.listen_error_messages("a worker")
    assert not asked


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and the remedy that installs it."""
    imported = builtins.__import__

    def without_ray(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return imported(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(MissingExtraError, match=r"needs the extra \[ray\]") as raised:
        join(Address("local:2", 2))
    assert raised.value.remedies == (InstallExtra("ray"),)


def test_nothing_but_a_run_on_workers_imports_ray() -> None:
    """Commands, jobs and the engine that would start workers are there without it."""
    program = (
        "import sys, moe_core.commands.record, moe_core.jobs.workers.spread_model as workers; "
        "workers.engine_on('local:2'); print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout == "False\n"


def node(name: str, n_cpus: int, n_gpus: int, *, alive: bool = True) -> dict[str, Any]:
    """A node as Ray describes one."""
    resources = {"CPU": float(n_cpus)} | ({"GPU": float(n_gpus)} if n_gpus else {})
    return {
        "Alive": alive,
        "NodeID": f"id-{name}",
        "NodeManagerHostname": name,
        "NodeManagerAddress": f"10.0.0.{len(name)}",
        "Resources": resources,
    }


def put(address: str, device: str, *nodes: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    """Name, processors, GPUs and threads of each worker."""
    found = places(SimpleNamespace(nodes=lambda: list(nodes)), parse_address(address), device)
    return [(place.name, place.n_cpus, place.n_gpus, place.n_threads) for place in found]


def test_one_worker_a_gpu() -> None:
    """On every node that has any; a node without, and one that is gone, take no part."""
    nodes = node("alpha", 16, 2), node("beta", 8, 1), node("head", 4, 0), node("gone", 8, 8, alive=False)
    assert put("head:6379", "auto", *nodes) == [("alpha", 1, 1, 8), ("alpha", 1, 1, 8), ("beta", 1, 1, 8)]


def test_one_worker_a_node_for_a_model_that_is_spread_over_its_gpus() -> None:
    """A model of 470 GB takes all eight."""
    assert put("head:6379", "balanced", node("alpha", 64, 8), node("head", 4, 0)) == [("alpha", 1, 8, 64)]


def test_without_gpus_one_worker_a_node() -> None:
    """With all of its processors; on one computer they share them."""
    assert put("auto", "auto", node("alpha", 8, 0), node("beta", 4, 0)) == [("alpha", 8, 0, 8), ("beta", 4, 0, 4)]
    assert put("auto", "cpu", node("alpha", 8, 2)) == [("alpha", 8, 0, 8)]


def test_workers_of_one_computer_share_its_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its part of what OMP_NUM_THREADS allows, and a name of its own."""
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setattr(socket, "gethostname", lambda: "desk")
    assert put("local:2", "auto", node("desk", 2, 0)) == [("desk/1", 1, 0, 4), ("desk/2", 1, 0, 4)]
    assert put("local:2", "auto", node("desk", 2, 2)) == [("desk/1", 1, 1, 4), ("desk/2", 1, 1, 4)]


def test_where_there_is_no_room() -> None:
    """More workers than GPUs, a GPU where there is none, a cluster without a processor."""
    with pytest.raises(ClusterError, match="local:3 means 3 workers, one a GPU, and this computer has 2"):
        put("local:3", "auto", node("desk", 3, 2))
    with pytest.raises(ClusterError, match="No node of the cluster has a GPU: choose auto or cpu"):
        put("head:6379", "cuda:0", node("alpha", 8, 0))
    with pytest.raises(ClusterError, match="no node with a free processor"):
        put("head:6379", "cpu", node("alpha", 0, 0))


def test_a_cluster_that_is_joined_is_named() -> None:
    """Whoever asked for whichever there is learns which one that was."""
    ray = SimpleNamespace(
        nodes=lambda: [node("beta", 4, 0), node("alpha", 4, 0), node("gone", 4, 0, alive=False)],
        get_runtime_context=lambda: SimpleNamespace(gcs_address="10.0.0.1:6379"),
    )
    assert joined(ray) == "Joined the cluster with its head at 10.0.0.1:6379: 2 nodes (alpha, beta)"


def test_nodes_of_one_host_name_are_told_apart() -> None:
    """By their addresses, and by a number where these are the same, as of two nodes on one computer."""
    alike = [node("node", 4, 0) | {"NodeID": str(number), "NodeManagerAddress": "10.0.0.1"} for number in range(2)]
    other = node("node", 4, 0) | {"NodeID": "2", "NodeManagerAddress": "10.0.0.2"}
    names = ["node (10.0.0.1)/1", "node (10.0.0.1)/2", "node (10.0.0.2)", "head"]
    found = places(SimpleNamespace(nodes=lambda: [*alike, other, node("head", 4, 0)]), parse_address("auto"), "cpu")
    assert [place.name for place in found] == names
    ray = SimpleNamespace(
        nodes=lambda: [*alike, other], get_runtime_context=lambda: SimpleNamespace(gcs_address="10.0.0.1:6379")
    )
    assert joined(ray).endswith(f": 3 nodes ({', '.join(names[:3])})")


def test_a_worker_whose_process_is_gone_is_told_in_plain_words() -> None:
    """Ray's own sentence on it names calls and codes of its protocol, and is cut in the middle of a word."""
    exceptions = pytest.importorskip("ray").exceptions

    def get(call: Any) -> Any:
        raise exceptions.ActorUnavailableError("RpcError: RPC error: Socket closed rpc_code: 14", bytes(16))

    actors = RayActors(SimpleNamespace(get=get, exceptions=exceptions), ModelRequest("demo"), [])
    with pytest.raises(WorkerLostError, match=r"^its process does not answer$"):
        actors.result("a call")


def test_a_head_that_is_gone_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Ray itself ends the program without a word; one that listens is of no effect."""
    monkeypatch.setattr(ray_actors, "LOOKS_EVERY_S", 0.0)
    monkeypatch.setattr(ray_actors, "SILENT_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        watch = HeadWatch(f"127.0.0.1:{server.getsockname()[1]}")
        watch.look()
    with pytest.raises(RunError, match=r"^The head of the cluster is gone: what was recorded is kept"):
        watch.look()


def test_a_node_on_which_no_worker_can_begin_is_told_from_a_lost_one() -> None:
    """By what Ray says of an actor that could not be made; of its many lines the last one is the reason."""
    exceptions = pytest.importorskip("ray").exceptions

    def get(call: Any) -> Any:
        raise exceptions.RayActorError("01", f"The actor died.\n\n{call}\n", actor_init_failed=True)

    actors = RayActors(SimpleNamespace(get=get, exceptions=exceptions), ModelRequest("demo"), [])
    with pytest.raises(NodeUnfitError, match=r"^No module named 'moe_core'$"):
        actors.result("No module named 'moe_core'.")
