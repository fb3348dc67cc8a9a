"""Compares the sizes that config.json claims with those of the tensors in the files, before a model is built.

A model of 100,000 layers or 10^9 experts would keep building until memory ends; the files' headers settle it in
milliseconds. Axes: H hidden size, E experts, I neurons per expert, V vocabulary.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from moe_core.errors import ModelError
from moe_core.models.family import ModelFamily
from moe_core.models.loading.safetensors_headers import FLOAT_DTYPES, TensorHeader

Tensors = Mapping[str, TensorHeader]

# Far above every released model; what passes here is then compared with the files.
_LIMITS = {
    "num_hidden_layers": 1_000,
    "hidden_size": 1_000_000,
    "vocab_size": 10_000_000,
    "num_attention_heads": 10_000,
    "num_experts_per_tok": 10_000,
    "max_position_embeddings": 100_000_000,
}
_OPTIONAL_LIMITS = {
    "num_key_value_heads": 10_000,
    "head_dim": 100_000,
    "intermediate_size": 10_000_000,
    "moe_intermediate_size": 10_000_000,
    "shared_expert_intermediate_size": 10_000_000,
    "decoder_sparse_step": 1_000,
    "num_labels": 100_000,
    "max_window_layers": 1_000_000,
}
_MAX_EXPERTS = 65_536  # expert ids are stored in 16 bit
_LAYER = re.compile(r"model\.layers\.(\d+)\.")
_EXPERT = re.compile(r"model\.layers\.(\d+)\.(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(?:down_proj|w2)\.weight")


def check_sizes(config: dict[str, Any], family: ModelFamily, tensors: Tensors) -> None:
    """Raise ModelError unless config.json's sizes are whole numbers in range and those of the tensors."""
    for field, limit in _LIMITS.items():
        _whole_number(config, field, limit)
    for field, limit in _OPTIONAL_LIMITS.items():
        if config.get(field) is not None:
            _whole_number(config, field, limit)
    _check_layer_lists(config)
    experts = _experts(config, family)
    top_k = family.top_k(config)
    if top_k > experts:
        raise ModelError(f"config.json lets the router choose {top_k} of {experts} experts (num_experts_per_tok).")
    layers = family.moe_layers(config)
    if not layers:
        raise ModelError("No layer of this model has experts, as config.json describes it.")
    _check_types(tensors)
    _refuse_common_prefix(tensors)
    _check_layers(config["num_hidden_layers"], tensors)
    _check_embedding(config, tensors)
    for layer in layers:
        _check_router(layer, experts, config["hidden_size"], family, tensors)
    _check_expert_tensors(layers, experts, (config["hidden_size"], family.expert_width(config)), tensors)


def _whole_number(config: Mapping[str, Any], field: str, limit: int) -> int:
    value = config.get(field)
    if value is None:
        raise ModelError(f"config.json does not say {field}.")
    if type(value) is not int or not 1 <= value <= limit:
        raise ModelError(
            f"config.json gives {str(value)[:40]!r} as {field}: it must be a whole number, 1 to {limit:,}."
        )
    return value


def _check_layer_lists(config: Mapping[str, Any]) -> None:
    dense = config.get("mlp_only_layers")
    if dense is not None and not (isinstance(dense, list) and all(type(layer) is int for layer in dense)):
        raise ModelError("config.json's mlp_only_layers is not a list of layer numbers.")
    kinds = config.get("layer_types")
    if kinds is not None and not (isinstance(kinds, list) and len(kinds) == config["num_hidden_layers"]):
        raise ModelError("config.json's layer_types does not have one entry per layer.")


def _experts(config: Mapping[str, Any], family: ModelFamily) -> int:
    try:
        value, width = family.n_experts(config), family.expert_width(config)
    except KeyError as error:
        raise ModelError(f"config.json does not say {error.args[0]}.") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError("config.json gives a number of experts that is no whole number.") from error
    if not 1 <= value <= _MAX_EXPERTS or width < 1:
        raise ModelError(f"config.json gives {value} experts of width {width}: 1 to {_MAX_EXPERTS:,} are possible.")
    return value


def _check_types(tensors: Tensors) -> None:
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOAT_DTYPES:
            raise ModelError(f"The weights are quantised ({name} is {tensor.dtype}), which is not supported.")


def _refuse_common_prefix(tensors: Tensors) -> None:
    """What wraps a model while it is trained stands before every name, and then nothing is where it should be."""
    if any(_LAYER.match(name) for name in tensors) or not tensors:
        return
    inside = next((name.partition("model.layers.")[0] for name in tensors if "model.layers." in name), "")
    prefix = inside or f"{next(iter(tensors)).partition('.')[0]}."
    if all(name.startswith(prefix) for name in tensors):
        raise ModelError(
            f'The names of all tensors begin with "{prefix}", as of a model that was saved inside of '
            "another one: save it without that (model.module, merge_and_unload, or the language model alone)."
        )


def _check_layers(n_layers: int, tensors: Tensors) -> None:
    found = {int(match[1]) for name in tensors if (match := _LAYER.match(name))}
    if found != set(range(n_layers)):
        raise ModelError(f"config.json says {n_layers:,} layers, the weight files hold {len(found):,}.")


def _check_embedding(config: Mapping[str, Any], tensors: Tensors) -> None:
    _check_shape("model.embed_tokens.weight", (config["vocab_size"], config["hidden_size"]), tensors)


def _check_router(layer: int, experts: int, hidden: int, family: ModelFamily, tensors: Tensors) -> None:
    names = family.router_tensor(layer)
    name = next((name for name in names if name in tensors), None)
    if name is None:
        raise ModelError(f"The weight files lack the router of layer {layer} ({names[0]}).")
    _check_shape(name, (experts, hidden), tensors)


def _check_shape(name: str, expected: tuple[int, ...], tensors: Tensors) -> None:
    if name not in tensors:
        raise ModelError(f"The weight files lack the tensor {name}.")
    shape = tensors[name].shape
    if shape != expected:
        raise ModelError(f"config.json means {name} to be {_by(expected)}, the weight files hold {_by(shape)}.")


def _check_expert_tensors(layers: tuple[int, ...], experts: int, down: tuple[int, int], tensors: Tensors) -> None:
    """`down` [H, I] is the shape of one expert's down projection."""
    found: dict[int, set[int]] = defaultdict(set)
    for name in tensors:
        if match := _EXPERT.fullmatch(name):
            found[int(match[1])].add(int(match[2]))
            _check_shape(name, down, tensors)
    for layer in layers:
        fused = f"model.layers.{layer}.mlp.experts.down_proj"
        if fused in tensors:
            _check_shape(fused, (experts, *down), tensors)
        elif found[layer] != set(range(experts)):
            raise ModelError(
                f"config.json says {experts:,} experts, the weight files hold {len(found[layer]):,} in layer {layer}."
            )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
