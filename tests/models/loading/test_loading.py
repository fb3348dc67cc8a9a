"""Finding, judging and loading models: devices, dtypes, memory, specification, and no word from the libraries."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import torch
import transformers

from moe_core.errors import DeviceError, ModelError
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.loading import building
from moe_core.models.loading.building import choose_experts_implementation, resolve_device
from moe_core.models.loading.files.fingerprint import weights_sha256
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.files.source import DEMO_FOLDER, HubModel, ModelFolder, download, find_model
from moe_core.models.loading.memory import HELD_BATCHES, MemoryEstimate, check_fits, estimate_memory, free_memory
from tests.job_results import result_of
from tests.loopback_hub import COMMIT, serve
from tests.tiny_models import SEED, VOCABULARY, build_tiny

ROOT = Path(__file__).resolve().parents[3]


def command_line(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a headless command in a process of its own, with nothing to read on stdin."""
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", "moe_core", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | environment,
    )


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail on any attempt to open a connection."""

    def refuse(*arguments: object) -> NoReturn:
        raise AssertionError(f"connected to {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_local_folder_loads_as_saved(tiny_olmoe: Path, no_network: None) -> None:
    """Every parameter is the saved one, the tokenizer is OLMo's, nothing asks the network, each step is told."""
    events: list[Event] = []
    loaded = result_of(load_model(ModelRequest(str(tiny_olmoe), device="cpu")), events)
    reference = transformers.OlmoeForCausalLM.from_pretrained(tiny_olmoe, dtype=torch.float32)
    ours, theirs = loaded.model.state_dict(), reference.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert loaded.tokenizer(" A B C D")["input_ids"] == [329, 378, 330, 399]
    assert events[0] == Stage(f"Looking for {tiny_olmoe}")
    assert f"Loading {tiny_olmoe.name} onto cpu as float32" in [event.text for event in events]
    assert not loaded.model.training


def test_the_specification_pins_the_model(tiny_olmoe: Path) -> None:
    """Name, hashes, sizes and implementations are recorded; a local folder has no revision."""
    specification = result_of(load_model(ModelRequest(str(tiny_olmoe), device="cpu"))).specification
    assert (specification.name, specification.source) == ("tiny_olmoe", str(tiny_olmoe))
    assert (specification.family, specification.revision) == ("olmoe", "")
    assert (specification.n_layers, specification.n_experts, specification.top_k) == (3, 16, 4)
    assert (specification.context_length, specification.normalised) == (4096, False)
    assert specification.weights_sha256.startswith("full:")
    assert len(specification.config_sha256) == len(specification.tokenizer_sha256) == 64


def test_a_changed_top_k_changes_the_config_hash(tmp_path: Path, tiny_olmoe: Path) -> None:
    """transformers loads a changed num_experts_per_tok silently: K and the hash tell it."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"num_experts_per_tok": 4', '"num_experts_per_tok": 2'))
    ours = result_of(load_model(ModelRequest(str(tmp_path / "model"), device="cpu"))).specification
    theirs = result_of(load_model(ModelRequest(str(tiny_olmoe), device="cpu"))).specification
    assert (ours.top_k, theirs.top_k) == (2, 4)
    assert ours.config_sha256 != theirs.config_sha256
    assert ours.weights_sha256 == theirs.weights_sha256


def test_a_config_cannot_ask_for_more_than_logits(tmp_path: Path) -> None:
    """Router logits (and with them the training loss), attentions, hidden states and tuples are switched off."""
    asked = {
        "output_router_logits": True,
        "output_attentions": True,
        "output_hidden_states": True,
        "return_dict": False,
    }
    folder = build_tiny(tmp_path / "model", attn_implementation="eager", **asked)
    loaded = result_of(load_model(ModelRequest(str(folder), device="cpu")))
    with torch.inference_mode():
        output = loaded.model(torch.tensor([[1, 2, 3]]), use_cache=False)
    assert list(output) == ["logits"]
    assert loaded.specification.attention_implementation == "sdpa"


def test_loading_can_be_cancelled(tiny_olmoe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the job before the model is built leaves it unbuilt."""
    monkeypatch.setattr(building, "build_model", lambda *_: pytest.fail("built"))
    job = load_model(ModelRequest(str(tiny_olmoe), device="cpu"))
    while "onto cpu" not in next(job).text:  # type: ignore[union-attr]  # loading yields only stages
        pass
    job.close()


def test_sharded_and_fused_checkpoints_load(tmp_path: Path) -> None:
    """Shards behind an index, and experts saved as fused tensors, hold the same model."""
    folder = build_tiny(tmp_path / "one")
    model = transformers.OlmoeForCausalLM.from_pretrained(folder)
    shutil.copytree(folder, tmp_path / "sharded", ignore=shutil.ignore_patterns("*.safetensors"))
    model.save_pretrained(tmp_path / "sharded", max_shard_size="4MB")
    shutil.copytree(folder, tmp_path / "fused", ignore=shutil.ignore_patterns("*.safetensors"))
    model.save_pretrained(tmp_path / "fused", save_original_format=False)
    assert "model.layers.0.mlp.experts.down_proj" in check_folder(tmp_path / "fused").tensors
    for name in ("sharded", "fused"):
        loaded = result_of(load_model(ModelRequest(str(tmp_path / name), device="cpu")))
        assert all(torch.equal(tensor, model.state_dict()[key]) for key, tensor in loaded.model.state_dict().items())


def test_the_tiny_model_is_seeded(tmp_path: Path, tiny_olmoe: Path) -> None:
    """Building it twice gives the same weights, whatever was drawn before."""
    torch.manual_seed(SEED + 1)
    again = check_folder(build_tiny(tmp_path / "again"))
    assert weights_sha256(again.tensors) == weights_sha256(check_folder(tiny_olmoe).tensors)
    assert again.config["vocab_size"] == VOCABULARY


@pytest.mark.parametrize("full_limit", [10**9, 0])
def test_the_fingerprint_sees_one_changed_router_value(tmp_path: Path, tiny_olmoe: Path, full_limit: int) -> None:
    """Full and sampled fingerprints differ when a single byte of a router differs, and say which kind they are."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    tensors = check_folder(tmp_path / "model").tensors
    before = weights_sha256(tensors, full_limit=full_limit)
    with (tmp_path / "model" / "model.safetensors").open("r+b") as stream:
        stream.seek(tensors["model.layers.1.mlp.gate.weight"].end - 1)
        stream.write(b"\x00")
    assert weights_sha256(tensors, full_limit=full_limit) != before
    assert before.startswith("full:" if full_limit else "sampled:")


def test_auto_takes_the_best_device_there_is() -> None:
    """CUDA with bfloat16 (float16 where the GPU has none), else the CPU with float32."""
    device, dtype = resolve_device("auto", "auto")
    assert (device == "cuda:0") == torch.cuda.is_available()
    assert dtype == "float32" if device == "cpu" else dtype in ("bfloat16", "float16")
    assert resolve_device("cpu", "auto") == ("cpu", "float32")
    assert resolve_device("cpu", "bfloat16") == ("cpu", "bfloat16")


@pytest.mark.parametrize(("bfloat16", "dtype"), [(True, "bfloat16"), (False, "float16")])
def test_a_gpu_without_bfloat16_takes_float16(monkeypatch: pytest.MonkeyPatch, bfloat16: bool, dtype: str) -> None:
    """Emulated bfloat16 does not count: it is slow."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: bfloat16 or including_emulation
    )
    monkeypatch.setattr(torch.cuda, "_exchange_device", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "_maybe_exchange_device", lambda device: 0)
    assert resolve_device("auto", "auto") == ("cuda:0", dtype)
    assert resolve_device("cuda", "auto") == ("cuda:0", dtype)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cuda:x", "", "meta", "cpu:0"])
def test_a_device_that_is_not_there(device: str) -> None:
    """Unknown and missing devices are refused by name."""
    with pytest.raises(DeviceError, match="choose auto"):
        resolve_device(device)


def test_a_dtype_that_is_none() -> None:
    """Only the three floating dtypes can be chosen."""
    with pytest.raises(DeviceError, match='"int8" is no dtype'):
        resolve_device("cpu", "int8")


def test_grouped_experts_need_rows_of_16_bytes(tmp_path: Path) -> None:
    """A model whose rows grouped_mm cannot take runs with eager experts, and is recorded so."""
    folder = build_tiny(tmp_path / "odd", intermediate_size=18)
    loaded = result_of(load_model(ModelRequest(str(folder), device="cpu", dtype="bfloat16")))
    assert loaded.specification.experts_implementation == "eager"
    with torch.inference_mode():
        assert torch.isfinite(loaded.model(torch.tensor([[1, 2, 3]])).logits).all()
    with pytest.raises(ModelError, match="no experts implementation"):
        choose_experts_implementation("evil/kernel", check_folder(folder), "float32")


def test_the_estimate_counts_every_weight(tiny_olmoe: Path) -> None:
    """Experts and other weights together are exactly the model's parameters, in the chosen dtype."""
    checked = check_folder(tiny_olmoe)
    parameters = sum(tensor.n_elements for tensor in checked.tensors.values())
    estimate = estimate_memory(checked.tensors, checked.architecture, "bfloat16")
    assert estimate.experts == 2 * 3 * 16 * 3 * 32 * 16
    assert estimate.experts + estimate.others == 2 * parameters
    assert estimate.working > 0
    assert estimate.loading == int(0.4 * (estimate.experts + estimate.others))  # experts of their own, on Linux
    assert estimate_memory(checked.tensors, checked.architecture, "bfloat16", device="cuda:0").loading == 0


@pytest.mark.parametrize(("device", "dtype", "n_batches"), [("cpu", "float32", 4), ("cuda:0", "bfloat16", 2)])
def test_the_estimate_counts_what_is_held_at_the_answer_alone(
    tiny_olmoe: Path, device: str, dtype: str, n_batches: int
) -> None:
    """Keys and values of two heads of 8 in three layers for all batches, beside what one batch takes to run."""
    checked, size = check_folder(tiny_olmoe), 4 if dtype == "float32" else 2
    estimate = estimate_memory(checked.tensors, checked.architecture, dtype, device=device)
    a_batch = 4_096 * (2 * 3 * 2 * 8) * size
    assert estimate.answers == estimate.working + (n_batches - 1) * a_batch
    assert estimate.total < estimate.experts + estimate.others + estimate.answers
    assert HELD_BATCHES[device.partition(":")[0]] == n_batches


@pytest.mark.parametrize(
    ("free", "part"),
    [
        (8_000_000_000, "the experts' weights need 12.9 GB of the 8.00 GB free on cuda:0"),
        (13_000_000_000, "all weights together need 13.8 GB of the 13.0 GB free"),
        (14_000_000_000, "the weights and room for one batch need 14.3 GB of the 14.0 GB free"),
    ],
)
def test_what_does_not_fit_is_named(free: int, part: str) -> None:
    """The sentence says which part is too large, and for how much room."""
    estimate = MemoryEstimate(experts=12_900_000_000, others=900_000_000, working=500_000_000)
    with pytest.raises(DeviceError) as caught:
        check_fits(estimate, free, "cuda:0")
    assert part in str(caught.value)


def test_what_fits_or_cannot_be_known_passes() -> None:
    """No error where there is room, or where the system does not tell."""
    check_fits(MemoryEstimate(1, 1, 1), 3, "cpu")
    check_fits(MemoryEstimate(1, 1, 1), None, "mps")
    free = free_memory("cpu")
    assert free is None or free > 10**8


def test_a_model_too_large_is_refused_before_it_is_built(tiny_olmoe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate is compared with the free memory of the device that was chosen."""
    monkeypatch.setattr("moe_core.jobs.models.load_model.free_memory", lambda device: 1000)
    monkeypatch.setattr(building, "build_model", lambda *_: pytest.fail("built"))
    with pytest.raises(DeviceError, match=r"experts' weights need .* free on cpu"):
        result_of(load_model(ModelRequest(str(tiny_olmoe), device="cpu")))


def test_a_folder_wins_over_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`org/name` is a folder where one of that name is, else a model of the hub with its pinned revision."""
    monkeypatch.chdir(tmp_path)
    assert find_model("org/name") == HubModel("org/name", None)
    assert find_model("org/name@abc") == HubModel("org/name", "abc")
    assert find_model("org/name@abc", "def") == HubModel("org/name", "def")
    (tmp_path / "org" / "name").mkdir(parents=True)
    found = find_model("org/name")
    assert isinstance(found, ModelFolder)
    assert (found.name, found.source) == ("name", str(tmp_path / "org" / "name"))


@pytest.mark.parametrize(
    "model",
    [
        "./gone",
        "../gone",
        "/gone/away",
        "~/gone",
        "~nobody-here/gone",
        "a/b/c",
        "gone",
        "",
        "a b/c",
        "x/../y",
        "a" * 5000,
        "a\0b",
    ],
)
def test_what_is_neither_folder_nor_hub_id(model: str) -> None:
    """A path that does not exist is never looked up on the hub."""
    with pytest.raises(ModelError, match="There is no folder"):
        find_model(model)


def test_the_demo_is_a_folder_beside_the_packages() -> None:
    """`demo` needs no network and no path."""
    if not DEMO_FOLDER.is_dir():
        pytest.skip("the demo is not built in this checkout")
    assert find_model("demo") == ModelFolder("demo", "demo", DEMO_FOLDER)


@pytest.mark.parametrize("model", ["org/name", "org/name@v1"])
def test_a_hub_model_offline(model: str, no_network: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without network a hub model that is not in the cache ends in one sentence, with no attempt to connect."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="nothing may be fetched for this run"):
        result_of(load_model(ModelRequest(model, device="cpu", offline=True)))


def test_a_cached_hub_model_loads_offline(
    tiny_olmoe: Path, tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model in the hub's cache loads by name without a connection; its commit hash is recorded."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--org--name"
    shutil.copytree(tiny_olmoe, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    specification = result_of(load_model(ModelRequest("org/name", device="cpu", offline=True))).specification
    assert (specification.name, specification.revision) == ("org/name", commit)
    assert specification.source == "https://huggingface.co/org/name"


def test_a_commit_that_is_there_needs_no_network(
    tiny_olmoe: Path, tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A re-run names its model by commit, which never changes: no connection is tried, unless a file is missing."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--org--name" / "snapshots" / commit
    shutil.copytree(tiny_olmoe, snapshot)
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    assert download(HubModel("org/name", commit), offline=False).folder == snapshot
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(AssertionError, match="connected to"):
        download(HubModel("org/name", commit), offline=False)


def test_only_what_is_read_is_downloaded(tiny_olmoe: Path, tmp_path: Path) -> None:
    """Configuration, tokenizer and safetensors are fetched, code and pickles are not; the commit hash is kept."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    (tmp_path / "model" / "original").mkdir()
    for name in ("modeling_evil.py", "pytorch_model.bin", "consolidated.safetensors", "original/model.safetensors"):
        (tmp_path / "model" / name).write_bytes(b"evil")
    script = (
        "from moe_core.models.loading.files.source import HubModel, download\n"
        "found = download(HubModel('org/name', None), offline=False)\n"
        "print(found.revision, found.source, sorted(path.name for path in found.folder.iterdir()), sep='|')\n"
        "download(HubModel('org/gone', 'v1'), offline=False)"
    )
    with serve(tmp_path / "model") as (address, fetched):
        environment = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, env=os.environ | environment
        )
    names = sorted(path.name for path in tiny_olmoe.iterdir())
    assert done.stdout == f"{COMMIT}|https://huggingface.co/org/name|{names}\n"
    assert sorted(fetched) == names
    assert 'ModelError: The hub has no public model "org/gone" at revision v1' in done.stderr


def test_without_torch_one_sentence_names_the_extra(tiny_olmoe: Path) -> None:
    """A folder is judged without torch; loading it then says what to install."""
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from moe_core.jobs.models.load_model import ModelRequest, load_model\n"
        f"for _ in load_model(ModelRequest({str(tiny_olmoe)!r})): pass"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "MissingExtraError: Loading a model needs the extra [model]" in done.stderr.splitlines()[-1]


def test_a_hub_that_cannot_be_reached() -> None:
    """No name resolution, no connection: one sentence, exit 1, within seconds."""
    done = command_line("check-model", "org/name", HF_ENDPOINT="http://127.0.0.1:9", HF_HOME="/nonexistent")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith('moescope: "org/name" is no folder, not in the local hub cache')
    assert "Traceback" not in done.stderr


def test_a_refused_model_leaves_with_one_sentence(tiny_olmoe: Path, tmp_path: Path) -> None:
    """Remote code: exit 1, the sentence last on stderr, no question on stdin, no code run, nothing on stdout."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    code = '"auto_map": {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}, "model_type": "evil'
    config.write_text(config.read_text().replace('"model_type": "', code))
    (tmp_path / "model" / "evil.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    done = command_line("check-model", str(tmp_path / "model"), "--device", "cpu")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("moescope: This model brings Python code of its own")
    assert not (tmp_path / "run").exists()


def test_the_libraries_say_nothing(tiny_olmoe: Path) -> None:
    """On stderr stand only our own stages: no progress bar, no remark of transformers or the hub."""
    done = command_line("check-model", str(tiny_olmoe), "--device", "cpu")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "Looking",
        "Checking",
        "Loading",
        "Loading",
        "Checking",
        "Fingerprinting",
    ]
