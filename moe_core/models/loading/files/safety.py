"""Judges a model folder before anything of it is built: no code, no kernels, no way out of the folder, sane sizes.

Nothing here runs anything the folder brings; its configuration is read by transformers' own classes. Each refusal is
one ModelError sentence.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moe_core.errors import ModelError
from moe_core.models.loading.architecture import Architecture, architecture_of
from moe_core.models.loading.other_kinds import refuse_other_kinds
from moe_core.models.loading.quantisation import check_quantisation
from moe_core.models.loading.safetensors_headers import TensorHeader, read_headers
from moe_core.models.loading.shapes import check_claims, check_sizes

MAX_JSON_BYTES = 10_000_000
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
# Keys of config.json that would make transformers run, fetch or build something this program has not judged.
_REFUSED_KEYS = {
    "auto_map": "brings Python code of its own, which is never run",
    "quantization": "is quantised in MLX's way, which is not supported: use the unquantised checkpoint",
    "compression_config": "is quantised, which is not supported: use the unquantised checkpoint",
    "transformers_weights": "names its own weight file, which is not supported",
    "fusion_config": "asks for fused layers, which are not supported",
    "kernel_config": "asks for kernels of its own, which are never run",
}
_IMPLEMENTATION_KEY = re.compile(r"_?(attn|attention|experts)_implementation(_internal)?")
_KNOWN_IMPLEMENTATIONS = {"eager", "sdpa", "flash_attention_2", "grouped_mm", "batched_mm"}


@dataclass(frozen=True)
class CheckedFolder:
    """A folder that may be loaded: config.json's content, what it names and the headers of all its tensors."""

    folder: Path
    config: dict[str, Any]
    architecture: Architecture
    tensors: dict[str, TensorHeader]


def check_folder(folder: Path) -> CheckedFolder:
    """The folder's content, judged; raises ModelError with the first thing that forbids loading it."""
    folder = _resolved(folder)
    _check_links(folder)
    refuse_other_kinds(folder)
    config, architecture = judge_configuration(folder / "config.json")
    _check_companions(folder)
    tensors = read_headers(_weight_files(folder))
    check_sizes(architecture, config, tensors)
    return CheckedFolder(folder, config, architecture, tensors)


def judge_configuration(file: Path) -> tuple[dict[str, Any], Architecture]:
    """config.json's content and what it names; raises ModelError for what forbids loading such a model."""
    config = _read_json(file)
    code = config.get("auto_map")
    _check_configuration({key: value for key, value in config.items() if key != "auto_map"}, "config.json")
    check_quantisation(config)
    check_claims(config)
    try:
        return config, architecture_of(config)
    except ModelError as error:
        if code:  # the code would be needed; where transformers has the class itself it is passed over
            raise ModelError(
                f"This model {_REFUSED_KEYS['auto_map']} (auto_map in config.json): take a checkpoint of a kind that "
                "transformers has itself."
            ) from error
        raise


def _resolved(folder: Path) -> Path:
    if not folder.exists():
        raise ModelError(f'There is no folder "{folder}".')
    if not folder.is_dir():
        raise ModelError(f'"{folder}" is a file: name the folder that holds config.json and the weights.')
    if not any(folder.iterdir()):
        raise ModelError(f'The folder "{folder}" is empty: a model needs config.json, weights and a tokenizer.')
    return folder.resolve()


def _check_links(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_symlink() and not any(path.resolve().is_relative_to(root) for root in _roots(folder)):
            raise ModelError(f"{path.name} is a link that leads out of the model's folder: put the file itself there.")


def _roots(folder: Path) -> list[Path]:
    # The hub's cache keeps models--org--name/snapshots/<commit>/ as links into models--org--name/blobs/.
    repository = folder.parent.parent
    in_hub_cache = folder.parent.name == "snapshots" and repository.name.startswith("models--")
    return [folder, repository / "blobs"] if in_hub_cache else [folder]


def _read_json(file: Path) -> dict[str, Any]:
    name = file.name
    if not file.is_file():
        raise ModelError(f'There is no {name} in "{file.parent}".')
    if file.stat().st_size > MAX_JSON_BYTES:
        raise ModelError(f"{name} has {file.stat().st_size:,} bytes, which no {name} needs: it is not read.")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not valid JSON ({str(error) or 'nested too deeply'}).") from error
    if not isinstance(content, dict):
        raise ModelError(f"{name} does not hold a JSON object.")
    return content


def _check_configuration(content: dict[str, Any], name: str) -> None:
    for key, value in _items(content):
        if key in _REFUSED_KEYS and value not in (None, {}, [], False):
            raise ModelError(f"This model {_REFUSED_KEYS[key]} ({key} in {name}).")
        if _IMPLEMENTATION_KEY.fullmatch(key):
            _check_implementation(key, value, name)


def _check_implementation(key: str, value: Any, name: str) -> None:
    for item in _leaves(value):
        if item is not None and item not in _KNOWN_IMPLEMENTATIONS:
            raise ModelError(f"{name} names {str(item)[:80]!r} as {key}: foreign kernels are never fetched or run.")


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from _items(item)
    elif isinstance(value, list):
        for item in value:
            yield from _items(item)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def _check_companions(folder: Path) -> None:
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f'There is no tokenizer (tokenizer.json) in "{folder}".')
    for name in ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        if (folder / name).exists():
            content = _read_json(folder / name)
            _check_configuration(content, name)
            if content.get("fast_tokenizer_files") not in (None, [], ["tokenizer.json"]):
                raise ModelError(f"{name} names several tokenizer files, which is not supported.")
    if any(folder.glob("shard-*.safetensors")):  # transformers would prefer these to the weights judged here
        raise ModelError("This is a distributed checkpoint (shard-*.safetensors): save it as model.safetensors first.")


def _weight_files(folder: Path) -> tuple[Path, ...]:
    single, index = folder / WEIGHTS, folder / WEIGHTS_INDEX
    if single.is_file():
        return (single,)
    if index.is_file():
        return _shards(folder, _read_json(index))
    raise ModelError(f'There are no weights ({WEIGHTS} or {WEIGHTS_INDEX}) in "{folder}".')


def _shards(folder: Path, index: dict[str, Any]) -> tuple[Path, ...]:
    places = index.get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise ModelError(f"{WEIGHTS_INDEX} has no weight_map of tensor names to files.")
    names = sorted(set(places.values()))
    for name in names:
        if re.search(r"[/\\:\0]", name) or not name.endswith(".safetensors"):
            raise ModelError(f"{WEIGHTS_INDEX} names {name[:80]!r}, which is no safetensors file inside the folder.")
        if not (folder / name).is_file():
            raise ModelError(f"The weight file {name} is missing: download or copy it again.")
    return tuple(folder / name for name in names)
