"""Folders that people point a program at and that hold no model of their own: what they are, and what to take instead.

Told before anything is missing: that there is no config.json helps nobody who has an adapter.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from moe_core.errors import ModelError

_POINTER = b"version https://git-lfs"
_JUDGED = ("config.json", "tokenizer.json", "*.safetensors", "*.safetensors.index.json")
_NESTED = ("*/config.json", "snapshots/*/config.json")
_OTHER_WEIGHTS = {
    "pytorch_model*.bin": "a pickle file that could run code",
    "*.bin": "a pickle file that could run code",
    "*.pt": "a pickle file that could run code",
    "*.pth": "a pickle file that could run code",
    "*.ckpt": "a pickle file that could run code",
    "*.pkl": "a pickle file that could run code",
    "flax_model*.msgpack": "a file of Flax",
    "tf_model*.h5": "a file of TensorFlow",
    "*.onnx": "a file of ONNX",
}
_BESIDE = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "scaler.pt")
"""What training leaves beside weights."""
_VIRTUAL_TOKENS = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING")
"""Adapters that put tokens before the prompt: nothing of them can be merged into weights."""


def refuse_other_kinds(folder: Path) -> None:
    """Raise ModelError, naming the kind, for a folder that is not a model in safetensors files."""
    _refuse_adapter(folder)
    names = [path.name for path in folder.iterdir()]
    refuse_gguf(names, f'"{folder}"')
    _refuse_pointers(folder)
    _name_the_nested(folder)
    if not any(name.endswith((".safetensors", ".safetensors.index.json")) for name in names):
        _refuse_other_weights(folder)


def refuse_gguf(names: Iterable[str], where: str) -> None:
    """Raise ModelError where the weights are in llama.cpp's format alone."""
    files = list(names)
    found = sorted(name for name in files if name.lower().endswith(".gguf"))
    if found and not any(name.endswith(".safetensors") for name in files):
        raise ModelError(f"{where} holds {found[0]}: GGUF cannot be read, so take the safetensors checkpoint.")


def _refuse_adapter(folder: Path) -> None:
    """PEFT's folders (https://huggingface.co/docs/peft/developer_guides/checkpoint) change a model, and are none."""
    file = folder / "adapter_config.json"
    if not file.is_file() and not any(folder.glob("adapter_model.*")):
        return
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        held = {}
    config = held if isinstance(held, dict) else {}
    kind, base = str(config.get("peft_type") or "LoRA")[:40], config.get("base_model_name_or_path")
    named = f" to {str(base)[:200]}" if base else ""
    if kind.upper() in _VIRTUAL_TOKENS:
        way_out = "it cannot be merged, so take the model that it was made for"
    else:
        way_out = "merge it (merge_and_unload) and save the model"
    kind = "LoRA" if kind.upper() == "LORA" else kind
    article = "an" if kind[0] in "AEIOaeio" else "a"
    raise ModelError(f'"{folder}" is {article} {kind} adapter{named}, not a model: {way_out}.')


def _refuse_pointers(folder: Path) -> None:
    """A clone without Git LFS holds a few lines of text where its large files should be."""
    for pattern in _JUDGED:
        for file in sorted(folder.glob(pattern)):
            with file.open("rb") as opened:
                if opened.read(len(_POINTER)) == _POINTER:
                    raise ModelError(
                        f"{file.name} is only a pointer of Git LFS, not the file itself: run `git lfs pull` in the "
                        "clone, or download the model again."
                    )


def _name_the_nested(folder: Path) -> None:
    """The folder that was meant may be one below, as in the hub's cache or beside other models."""
    if (folder / "config.json").exists():
        return
    found = sorted({file.parent for pattern in _NESTED for file in folder.glob(pattern)})
    if found:
        more = f" (or one of {len(found) - 1:,} others)" if len(found) > 1 else ""
        raise ModelError(f'"{folder}" has no config.json, but a folder below it has: name "{found[0]}"{more}.')


def _refuse_other_weights(folder: Path) -> None:
    for pattern, kind in _OTHER_WEIGHTS.items():
        found = sorted(path.name for path in folder.glob(pattern) if path.name not in _BESIDE)
        if found:
            raise ModelError(f"The weights are in {found[0]}, {kind}: convert the model to safetensors.")
