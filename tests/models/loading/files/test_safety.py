"""Every way in which a folder must not be loaded, each a really saved tiny checkpoint damaged in that way."""

import json
import os
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from moe_core.errors import ModelError
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.loading.files.safety import check_folder

Damage = Callable[[Path], None]


@pytest.fixture
def folder(tiny_olmoe: Path, tmp_path: Path) -> Path:
    """A copy of the tiny OLMoE that may be damaged; its files are hard links, so change them by replacing them."""
    shutil.copytree(tiny_olmoe, tmp_path / "model", copy_function=os.link)
    return tmp_path / "model"


def refusal(folder: Path) -> str:
    """The sentence with which loading the folder is refused."""
    with pytest.raises(ModelError) as caught:
        for _ in load_model(ModelRequest(str(folder), device="cpu")):
            pass
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def edit_json(folder: Path, name: str = "config.json", **changes: Any) -> None:
    """Change keys of one of the folder's JSON files."""
    content = json.loads((folder / name).read_text(encoding="utf-8")) | changes
    replace_file(folder / name, json.dumps(content).encode())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file anew, leaving the file that it was linked to as it is."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the tensors of model.safetensors."""
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    change(tensors)
    (folder / "model.safetensors").unlink()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_an_intact_folder_is_accepted(folder: Path) -> None:
    """The undamaged copy passes, with its family and the header of every tensor."""
    checked = check_folder(folder)
    assert checked.architecture.name == "olmoe"
    assert checked.tensors["model.layers.2.mlp.gate.weight"].shape == (16, 32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, "a llama model without experts"),
        ({"architectures": ["EvilForCausalLM"]}, "EvilForCausalLM, which is not supported"),
        ({"architectures": None, "model_type": None}, "no architecture"),
        ({"architectures": {"a": 1}, "model_type": ["olmoe"]}, "not supported"),
        (
            {"model_type": "evil", "auto_map": {"AutoModelForCausalLM": "evil.Evil"}},
            "Python code of its own, which is never run (auto_map in config.json): take a checkpoint of a kind that",
        ),
        ({"text_config": {"auto_map": {"AutoConfig": "evil.Evil"}}}, "Python code of its own"),
        ({"attn_implementation": "evil/kernel"}, "'evil/kernel' as attn_implementation"),
        ({"_attn_implementation": "evil/kernel@main:f"}, "foreign kernels"),
        ({"_attn_implementation_internal": "flash|evil/kernel"}, "foreign kernels"),
        ({"attn_implementation": {"": "sdpa", "text": "evil/kernel"}}, "foreign kernels"),
        ({"experts_implementation": "evil/kernel"}, "foreign kernels"),
        ({"_experts_implementation": ["evil/kernel"]}, "foreign kernels"),
        ({"sub": [{"_experts_implementation_internal": "evil/kernel"}]}, "foreign kernels"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised, which is not supported"),
        ({"transformers_weights": "other.safetensors"}, "names its own weight file"),
        ({"fusion_config": {"patch_embeddings": True}}, "fused layers"),
        ({"num_hidden_layers": 100_000}, "'100000' as num_hidden_layers"),
        ({"num_hidden_layers": 900}, "says 900 layers, the weight files hold 3"),
        ({"num_hidden_layers": -1}, "'-1' as num_hidden_layers"),
        ({"num_hidden_layers": "3"}, "must be a whole number"),
        ({"num_hidden_layers": True}, "must be a whole number"),
        ({"num_hidden_layers": None}, "does not say num_hidden_layers"),
        ({"num_experts": 10**9}, "1000000000 experts"),
        ({"num_experts": 10**400}, "experts"),
        ({"num_experts": 60_000}, "60,000 x 32, the weight files hold 16 x 32"),
        ({"num_experts": "many"}, "no whole number"),
        ({"num_experts": -16}, "-16 experts"),
        ({"num_local_experts": 60_000}, "the weight files hold"),
        ({"num_experts_per_tok": 0}, "'0' as num_experts_per_tok"),
        ({"num_experts_per_tok": 17}, "choose 17 of 16 experts"),
        ({"vocab_size": 9_000_000}, "9,000,000 x 32, the weight files hold 50,304 x 32"),
        ({"vocab_size": 10**12}, "'1000000000000' as vocab_size"),
        ({"hidden_size": 64}, "50,304 x 64"),
        ({"intermediate_size": 9_000_000}, "32 x 9,000,000"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"num_key_value_heads": 9_999}, "weights"),
        ({"num_labels": 10**9}, "num_labels"),
        ({"dtype": "load"}, "cannot be used: "),
        ({"pad_token_id": 10**9}, "can be built: "),
        ({"text_config": {"model_type": "llama"}}, "can be built: "),
        ({"num_attention_heads": 32}, "disagree on the shape of model.layers.0.self_attn.k_norm.weight and 8 more"),
        ({"hidden_act": "evil"}, "can be built: |cannot be used: "),
        ({"rope_parameters": {"rope_type": "evil"}}, "can be built: |cannot be used: "),
        ({"rms_norm_eps": "small"}, "can be built: |cannot be used: "),
    ],
)
def test_a_configuration_that_must_not_be_loaded(folder: Path, changes: dict[str, Any], said: str) -> None:
    """A single changed key of config.json ends in one sentence that names it."""
    edit_json(folder, **changes)
    sentence = refusal(folder)
    assert any(part in sentence for part in said.split("|")), sentence


def test_a_dense_model_is_told_from_an_unknown_one(folder: Path) -> None:
    """What transformers knows and has no experts is named so; what it does not know names its version."""
    edit_json(folder, architectures=["LlamaForCausalLM"], model_type="llama")
    assert "describes a llama model without experts" in refusal(folder)
    edit_json(folder, architectures=["NewMoeForCausalLM"], model_type="new_moe")
    assert f"NewMoeForCausalLM, which is not supported: transformers {transformers.__version__}" in refusal(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "config.json is not valid JSON"),
        (b"{", "config.json is not valid JSON"),
        (b"[1]", "does not hold a JSON object"),
        (b"\xff\xfe{}", "config.json is not valid JSON"),
        (b"[" * 100_000, "config.json is not valid JSON"),
        (b'{"num_experts": ' + b"9" * 5_000 + b"}", "config.json is not valid JSON"),
        (b'{"a": "' + b" " * 10_000_001 + b'"}', "10,000,010 bytes"),
    ],
)
def test_a_config_that_is_no_json_object(folder: Path, content: bytes, said: str) -> None:
    """Damaged, deeply nested and huge files are refused before or while they are parsed."""
    replace_file(folder / "config.json", content)
    assert said in refusal(folder)


def remove(*names: str) -> Damage:
    """The damage of missing files."""
    return lambda folder: [(folder / name).unlink() for name in names] and None


def to_pickle(folder: Path) -> None:
    """Turn the weights into a pickle."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def empty(folder: Path) -> None:
    """Remove every file."""
    for path in folder.iterdir():
        path.unlink()


def to_file(folder: Path) -> None:
    """Put a file where the folder was."""
    shutil.rmtree(folder)
    folder.write_bytes(b"{}")


def with_index(weight_map: Any) -> Damage:
    """Replace the single weight file by an index with this weight_map."""

    def damage(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
        content = json.dumps({"metadata": {}, "weight_map": weight_map(folder) if callable(weight_map) else weight_map})
        (folder / "model.safetensors.index.json").write_text(content, encoding="utf-8")

    return damage


def link_outside(name: str) -> Damage:
    """Replace a file by a link to itself outside the folder."""

    def damage(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return damage


def set_header(length: int | None = None, text: bytes = b"{}") -> Damage:
    """Replace the weight file by a header alone."""
    claimed = len(text) if length is None else length
    return lambda folder: replace_file(folder / "model.safetensors", struct.pack("<Q", claimed) + text)


def truncate(n_bytes: int) -> Damage:
    """Cut bytes off the weight file's end."""
    return lambda folder: replace_file(
        folder / "model.safetensors", (folder / "model.safetensors").read_bytes()[:-n_bytes]
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove("config.json"), "There is no config.json"),
        (remove("tokenizer.json"), "There is no tokenizer"),
        (remove("model.safetensors"), "There are no weights"),
        (empty, "is empty"),
        (to_file, "is a file"),
        (to_pickle, "pytorch_model.bin, a pickle file that could run code"),
        (link_outside("model.safetensors"), "model.safetensors is a link that leads out"),
        (link_outside("tokenizer.json"), "tokenizer.json is a link that leads out"),
        (with_index({"a": "../outside.safetensors"}), "'../outside.safetensors', which is no safetensors file inside"),
        (with_index(lambda folder: {"a": str(folder.parent / "outside.safetensors")}), "no safetensors file inside"),
        (with_index({"a": "..\\outside.safetensors"}), "no safetensors file inside"),
        (with_index({"a": "evil.bin"}), "no safetensors file inside"),
        (with_index({"a": "gone.safetensors"}), "gone.safetensors is missing"),
        (with_index({"a": 1}), "has no weight_map"),
        (with_index([]), "has no weight_map"),
        (truncate(1), "is damaged: the file|is damaged: it should have"),
        (truncate(10_000_000), "is damaged: it should have"),
        (set_header(length=10**15), "its header claims 1,000,000,000,000,000 bytes"),
        (set_header(length=2**63 + 1), "its header claims"),
        (set_header(text=b"not json"), "its header is not JSON"),
        (set_header(text=b"[" * 100_000), "its header is not JSON"),
        (set_header(text=b"[1]"), "is not a JSON object"),
        (set_header(text=b'{"a": 1}'), "entry for a cannot be read"),
        (set_header(text=b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}'), "entry for a cannot be read"),
        (set_header(text=b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}'), "not as long as its shape"),
        (set_header(text=b'{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}'), "the type F4, which is not"),
        (lambda folder: replace_file(folder / "model.safetensors", b"1234"), "is damaged"),
        (lambda folder: replace_file(folder / "tokenizer.json", b"{}"), "The tokenizer cannot be read"),
        (lambda folder: replace_file(folder / "tokenizer.json", b"\x00"), "The tokenizer cannot be read"),
        (lambda folder: replace_file(folder / "adapter_config.json", b"{}"), "is a LoRA adapter, not a model"),
        (
            lambda folder: os.link(
                folder / "model.safetensors", folder / "shard-00000-model-00001-of-00001.safetensors"
            ),
            "a distributed checkpoint",
        ),
        (
            lambda folder: edit_json(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]}),
            "Python code of its own, which is never run (auto_map in tokenizer_config.json)",
        ),
        (
            lambda folder: edit_json(folder, "tokenizer_config.json", fast_tokenizer_files=["../tokenizer.5.0.0.json"]),
            "names several tokenizer files",
        ),
    ],
)
def test_a_folder_that_must_not_be_loaded(folder: Path, damage: Damage, said: str) -> None:
    """Missing, foreign and damaged files each end in one sentence."""
    damage(folder)
    sentence = refusal(folder)
    assert any(part in sentence for part in said.split("|")), sentence


def drop(name: str) -> Callable[[dict[str, torch.Tensor]], None]:
    """The damage of a missing tensor."""
    return lambda tensors: tensors.pop(name) is None


def put(name: str, value: float) -> Callable[[dict[str, torch.Tensor]], None]:
    """The damage of one value that is not a number."""
    return lambda tensors: tensors[name].view(-1).__setitem__(-1, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("model.layers.1.mlp.gate.weight"), "lack the router of layer 1 (model.layers.1.mlp.gate.weight)"),
        (drop("model.layers.0.self_attn.q_norm.weight"), "the model would run with random ones"),
        (drop("model.layers.2.mlp.experts.15.down_proj.weight"), "16 experts, the weight files hold 15 in layer 2"),
        (drop("model.layers.2.mlp.experts.3.up_proj.weight"), "the model would run with random ones"),
        (drop("model.embed_tokens.weight"), "lack the tensor model.embed_tokens.weight"),
        (drop("lm_head.weight"), "the model would run with random ones"),
        (put("model.layers.2.mlp.gate.weight", float("nan")), "model.layers.2.mlp.gate.weight holds values"),
        (put("model.layers.0.mlp.experts.7.up_proj.weight", float("inf")), "model.layers.0.mlp.experts.gate_up_proj"),
        (put("lm_head.weight", float("-inf")), "lm_head.weight holds values that are not finite"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "hold extra, which this architecture does not use"),
        (
            # As many values as before, so only the comparison of names finds it.
            lambda tensors: tensors.update(renamed=tensors.pop("model.layers.0.self_attn.q_norm.weight")),
            "lack model.layers.0.self_attn.q_norm.weight",
        ),
        (
            lambda tensors: tensors.update({"lm_head.weight": tensors["lm_head.weight"].T.contiguous()}),
            "disagree on the shape of lm_head.weight",
        ),
        (
            lambda tensors: tensors.update({"lm_head.weight": tensors["lm_head.weight"].to(torch.int8)}),
            "The weights are quantised (lm_head.weight is I8)",
        ),
    ],
)
def test_weights_that_are_not_whole(folder: Path, change: Callable[[dict[str, torch.Tensor]], None], said: str) -> None:
    """A checkpoint without every weight, or with one that is no number, is never run."""
    edit_weights(folder, change)
    assert said in refusal(folder)


def test_code_in_the_folder_is_not_run(folder: Path) -> None:
    """Python files beside the weights are passed over, named in auto_map or not: transformers has the class itself."""
    edit_json(folder, auto_map={"AutoConfig": "modeling_olmoe.C", "AutoModelForCausalLM": "modeling_olmoe.M"})
    (folder / "modeling_olmoe.py").write_text("raise SystemExit('run')", encoding="utf-8")
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text("raise SystemExit('run')", encoding="utf-8")
    for _ in load_model(ModelRequest(str(folder), device="cpu")):
        pass


def test_links_inside_the_hub_cache_are_followed(folder: Path, tmp_path: Path) -> None:
    """A snapshot of the hub's cache consists of links into its own blobs, and only those."""
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for path in folder.iterdir():
        shutil.move(path, repository / "blobs" / path.name)
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert check_folder(snapshot).architecture.name == "olmoe"
    (repository / "blobs" / "config.json").rename(tmp_path / "config.json")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(ModelError, match="leads out"):
        check_folder(snapshot)


def test_what_holds_no_model_is_named_before_anything_is_missing(tmp_path: Path) -> None:
    """An adapter's folder has no config.json, nor has one with a GGUF file: what they are is what helps."""
    adapter, gguf = tmp_path / "adapter", tmp_path / "gguf"
    adapter.mkdir()
    gguf.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "allenai/OLMoE-1B-7B-0125"}')
    (gguf / "olmoe-Q4_K_M.GGUF").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"is a LoRA adapter to allenai/OLMoE-1B-7B-0125, not a model: merge it"):
        check_folder(adapter)
    with pytest.raises(ModelError, match=r"holds olmoe-Q4_K_M.GGUF: GGUF cannot be read"):
        check_folder(gguf)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "base_model.model.", "model.language_model."])
def test_a_name_that_stands_before_every_tensor_is_told(tiny_olmoe: Path, tmp_path: Path, prefix: str) -> None:
    """Saved inside of what wraps a model while it is trained: no layer is where it should be."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    save_file({prefix + name: tensor for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f'names of all tensors begin with "{re.escape(prefix)}"'):
        check_folder(tmp_path / "model")
