"""What a model would download and need is told before anything of it is loaded, and says the same as loading it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from moe_core.errors import DeviceError, ModelError
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.inspect_model import ModelSummary, inspect_model
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from tests.job_results import result_of
from tests.loopback_hub import serve

ROOT = Path(__file__).resolve().parents[2]
_ON_THE_HUB = (
    "from moe_core.jobs.inspect_model import inspect_model\n"
    "from moe_core.jobs.models.load_model import ModelRequest\n"
    "from moe_core.models.loading.files.source import HubModel, download\n"
    "from tests.job_results import result_of\n"
    "request = ModelRequest('org/name', 'cpu')\n"
    "first = result_of(inspect_model(request))\n"
    "print(first.name, first.family, first.n_parameters, first.download_bytes, first.memory.total)\n"
)


def summary(model: Path | str, **options: str) -> ModelSummary:
    """The summary for the CPU."""
    return result_of(inspect_model(ModelRequest(str(model), device="cpu", **options)))  # type: ignore[arg-type]


def on_the_hub(script: str, address: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script whose hub is the one at `address`: the hub's client reads its address while it is imported."""
    environment = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, env=environment)


def test_a_folder_is_described_as_it_loads(tiny_olmoe: Path) -> None:
    """Layers, experts, top-k and the number of weights are those of the model in memory; each step is told."""
    events: list[Event] = []
    found = result_of(inspect_model(ModelRequest(str(tiny_olmoe), device="cpu")), events)
    loaded = result_of(Engine().load(ModelRequest(str(tiny_olmoe), device="cpu")))
    own = loaded.specification
    assert (found.name, found.family, found.device, found.dtype) == (own.name, own.family, own.device, own.dtype)
    assert (found.n_layers, found.n_experts, found.top_k) == (own.n_layers, own.n_experts, own.top_k)
    assert found.n_parameters == sum(weight.numel() for weight in loaded.model.parameters())
    assert found.memory.experts + found.memory.others == 4 * found.n_parameters
    assert found.download_bytes == 0
    assert found.fits
    assert all(isinstance(event, Stage) for event in events)


def test_half_the_dtype_needs_half_the_memory(tiny_olmoe: Path) -> None:
    """The estimate follows the dtype asked for."""
    assert summary(tiny_olmoe).memory.total == 2 * summary(tiny_olmoe, dtype="bfloat16").memory.total


def test_the_part_that_does_not_fit_is_named(tiny_olmoe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The experts alone, then all weights, then the room for a batch; unknown memory passes."""
    memory = summary(tiny_olmoe).memory
    for free, lacking in (
        (memory.experts - 1, "the experts' weights"),
        (memory.experts, "all weights together"),
        (memory.total - 1, "the weights and room for one batch"),
        (memory.total, ""),
        (None, ""),
    ):
        monkeypatch.setattr("moe_core.jobs.inspect_model.free_memory", lambda device, free=free: free)
        assert summary(tiny_olmoe).lacking == lacking


def test_the_room_of_the_model_in_memory_counts_as_free(tiny_olmoe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading another model lets go of it first, so what it holds is there to be used."""
    monkeypatch.setattr("moe_core.jobs.inspect_model.free_memory", lambda device: 1000)
    engine = Engine()
    request = ModelRequest(str(tiny_olmoe), device="cpu")
    result_of(engine.load(request))
    found = result_of(inspect_model(request, engine))
    assert found.free == 1000 + 4 * found.n_parameters
    engine.release()
    assert result_of(inspect_model(request, engine)).free == 1000


def test_what_cannot_be_loaded_says_so_at_once(tmp_path: Path, tiny_olmoe: Path) -> None:
    """A folder without weights, a name that is none, and a GPU that is not there."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        summary(tmp_path / "model")
    with pytest.raises(ModelError, match="There is no folder"):
        summary(tmp_path / "nowhere")
    with pytest.raises(DeviceError, match="cuda:99"):
        result_of(inspect_model(ModelRequest(str(tiny_olmoe), device="cuda:99")))


def test_a_hub_model_is_described_without_its_weights(tiny_olmoe: Path, tmp_path: Path) -> None:
    """The download is the size of what loading reads, headers tell the rest, and nothing is left in the cache."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"evil" * 1000)
    script = _ON_THE_HUB + (
        "import os, pathlib\n"
        "cached = [path.name for path in pathlib.Path(os.environ['HF_HOME']).rglob('*')]\n"
        "print([name for name in cached if name == 'config.json' or name.endswith('.safetensors')])\n"
        "download(HubModel('org/name', None), offline=False)\n"
        "print(result_of(inspect_model(request)).download_bytes)\n"
    )
    with serve(tmp_path / "model") as (address, _):
        done = on_the_hub(script, address, tmp_path / "home")
    local = summary(tiny_olmoe)
    size = sum(path.stat().st_size for path in tiny_olmoe.iterdir())
    expected = f"name olmoe {local.n_parameters} {size} {local.memory.total}"
    assert done.stdout.removeprefix("org/").splitlines() == [expected, "[]", "0"], done.stderr


def test_a_hub_that_cannot_be_reached_is_said_in_one_sentence(tmp_path: Path) -> None:
    """Neither cached nor reachable."""
    done = on_the_hub(_ON_THE_HUB, "http://127.0.0.1:9", tmp_path)
    assert "the hub cannot be reached: check the network." in done.stderr.splitlines()[-1]


def test_a_hub_model_that_is_not_there(tiny_olmoe: Path, tmp_path: Path) -> None:
    """The name is at fault, not the network."""
    with serve(tiny_olmoe) as (address, _):
        done = on_the_hub(_ON_THE_HUB.replace("org/name", "org/gone"), address, tmp_path)
    assert 'The hub has no public model "org/gone"' in done.stderr.splitlines()[-1]
