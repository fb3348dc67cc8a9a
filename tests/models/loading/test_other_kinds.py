"""Folders that are no model in safetensors files: one sentence says what they are, before what they lack."""

import json
import shutil
from pathlib import Path

import pytest

from moe_core.errors import ModelError
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.files.source import DEMO_FOLDER

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"


def refusal(folder: Path) -> str:
    """Why a folder is not loaded."""
    with pytest.raises(ModelError) as caught:
        check_folder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"peft_type": "LORA", "base_model_name_or_path": "a/b"}, "is a LoRA adapter to a/b, not a model: merge it"),
        ({"peft_type": "IA3"}, "is an IA3 adapter, not a model: merge it (merge_and_unload)"),
        ({"peft_type": "PROMPT_TUNING"}, "adapter, not a model: it cannot be merged, so take the model"),
        ([], "is a LoRA adapter, not a model"),
        (None, "is a LoRA adapter, not a model"),
    ],
)
def test_adapters_are_named_by_their_kind(tmp_path: Path, config: object, said: str) -> None:
    """With and without their configuration, be it damaged."""
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    if config is not None:
        (tmp_path / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert said in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pytorch_model-00001-of-00002.bin", "a pickle file that could run code"),
        ("consolidated.00.pth", "a pickle file that could run code"),
        ("flax_model.msgpack", "a file of Flax"),
        ("tf_model.h5", "a file of TensorFlow"),
        ("model.onnx", "a file of ONNX"),
    ],
)
def test_weights_of_another_kind_are_named(tmp_path: Path, name: str, said: str) -> None:
    """Whether or not a tokenizer and what training leaves behind lie beside them."""
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "optimizer.pt").write_bytes(b"x")
    assert refusal(tmp_path) == f"The weights are in {name}, {said}: convert the model to safetensors."


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_clone_without_its_large_files_says_so(tmp_path: Path, name: str) -> None:
    """A pointer of Git LFS is no damaged file."""
    folder = Path(shutil.copytree(DEMO_FOLDER, tmp_path / "clone"))
    (folder / name).write_bytes(POINTER)
    assert refusal(folder).startswith(f"{name} is only a pointer of Git LFS, not the file itself: run `git lfs pull`")


@pytest.mark.parametrize("below", ["OLMoE", "snapshots/0123abc"])
def test_the_folder_one_level_off_is_named(tmp_path: Path, below: str) -> None:
    """The model's own folder, or the snapshot within the hub's cache."""
    (tmp_path / below).mkdir(parents=True)
    (tmp_path / below / "config.json").write_text("{}", encoding="utf-8")
    assert f'name "{(tmp_path / below).resolve()}"' in refusal(tmp_path)


def test_a_quantised_model_of_mlx_is_refused(tmp_path: Path) -> None:
    """Its configuration has a key of its own."""
    folder = Path(shutil.copytree(DEMO_FOLDER, tmp_path / "mlx"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["quantization"] = {"group_size": 64, "bits": 4}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "is quantised in MLX's way" in refusal(folder)
