"""Compares the sizes that config.json claims with those of the tensors in the files, before a model is built.

A model of 100,000 layers or 10^9 experts would keep building until memory ends; the files' headers settle it in
milliseconds. Axes: H hidden size, E experts, I neurons per expert, V vocabulary.
"""

import re
from collections.abc import Mapping
from typing import Any

from moe_core.errors import ModelError
from moe_core.models.loading.architecture import Architecture, alias_of, text_part
from moe_core.models.loading.quantisation import quantisation_of
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
_EXPERT_COUNTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_WHOLE_NUMBERS = ("tid2eid", "num_batches_tracked")  # what models rightly store as integers
_ANY_LAYER = r"(?!mtp\.)(?:\w+\.)*(?:layers|blocks)\.(\d+)"
_LAYER = re.compile(r"model\.layers\.(\d+)\.")
_BLOCK = re.compile(rf"({_ANY_LAYER}(?:\.(?!self_attention)\w+)?)\.experts\.")
_ROUTER = re.compile(rf"({_ANY_LAYER}\.(?!self_attention)\w+)\.router\.")
_EXPERT = re.compile(r"(.+)\.experts\.(\d+)\.(?:down_proj|w2)\.weight")


def check_claims(config: Mapping[str, Any]) -> None:
    """Raise ModelError unless config.json's sizes are whole numbers in a range that may be built at all."""
    part = text_part(config)
    for field, limit in _LIMITS.items():
        _whole_number(part, alias_of(config, field), limit, by_layer=field == "num_experts_per_tok")
    for field, limit in _OPTIONAL_LIMITS.items():
        if part.get(field) is not None:
            _whole_number(part, field, limit, by_layer=True)
    for field in _EXPERT_COUNTS:
        if part.get(field) is not None:
            _check_experts(part[field])
    _check_layer_lists(part)


def check_sizes(architecture: Architecture, config: Mapping[str, Any], tensors: Tensors) -> None:
    """Raise ModelError unless config.json's sizes are those of the tensors, as far as their names tell.

    What names do not tell is found when the model is built without weights: it must not need more than the files hold.
    """
    experts, top_k = architecture.n_experts, architecture.top_k
    _check_experts(experts)
    if top_k > experts:
        raise ModelError(f"config.json lets the router choose {top_k} of {experts} experts (num_experts_per_tok).")
    _check_types(config, tensors)
    if architecture.is_wrapped:
        return
    _refuse_common_prefix(tensors)
    _check_layers(architecture, tensors)
    _check_embedding(architecture, tensors)
    for layer, block in sorted(expert_blocks(tensors).items()):
        if layer < architecture.n_layers:
            _check_router(layer, block, experts, architecture.hidden_size, tensors)
            quantised = bool(quantisation_of(config))
            _check_expert_tensors(layer, block, experts, architecture, tensors, quantised=quantised)


def expert_blocks(tensors: Tensors) -> dict[int, str]:
    """The block that holds the experts of each decoder layer, by its name: `model.layers.0.mlp`."""
    found = (_BLOCK.match(name) for name in tensors)
    return {int(match[2]): match[1] for match in found if match}


def moe_blocks(tensors: Tensors) -> dict[int, str]:
    """The same, and where experts have no part of the name to themselves (Granite) the blocks with a router."""
    if found := expert_blocks(tensors):
        return found
    routers = (_ROUTER.match(name) for name in tensors)
    return {int(match[2]): match[1] for match in routers if match}


def _whole_number(config: Mapping[str, Any], field: str, limit: int, *, by_layer: bool) -> None:
    if field not in config:
        return
    value = config[field]
    if value is None:
        raise ModelError(f"config.json does not say {field}.")
    values = value if by_layer and isinstance(value, list) and value else [value]
    if not all(type(one) is int and 1 <= one <= limit for one in values):
        raise ModelError(
            f"config.json gives {str(value)[:40]!r} as {field}: it must be a whole number, 1 to {limit:,}."
        )


def _check_layer_lists(config: Mapping[str, Any]) -> None:
    dense = config.get("mlp_only_layers")
    if dense is not None and not (isinstance(dense, list) and all(type(layer) is int for layer in dense)):
        raise ModelError("config.json's mlp_only_layers is not a list of layer numbers.")
    kinds = config.get("layer_types")
    if kinds is not None and not (isinstance(kinds, list) and len(kinds) == config["num_hidden_layers"]):
        raise ModelError("config.json's layer_types does not have one entry per layer.")


def _check_experts(value: Any) -> None:
    if type(value) is not int:
        raise ModelError("config.json gives a number of experts that is no whole number.")
    if not 1 <= value <= _MAX_EXPERTS:
        shown = str(value)[:40]
        raise ModelError(f"config.json gives {shown} experts: 1 to {_MAX_EXPERTS:,} are possible.")


def _check_types(config: Mapping[str, Any], tensors: Tensors) -> None:
    if quantisation_of(config):
        return  # judged by itself; the types are those of its method
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOAT_DTYPES and not name.endswith(_WHOLE_NUMBERS):
            raise ModelError(f"The weights are quantised ({name} is {tensor.dtype}), which is not supported.")


def _refuse_common_prefix(tensors: Tensors) -> None:
    """What wraps a model while it is trained stands before every name, and then nothing is where it should be."""
    prefix = next((name.partition("model.layers.")[0] for name in tensors if "model.layers." in name), "")
    if prefix and all(name.startswith(prefix) for name in tensors):
        raise ModelError(
            f'The names of all tensors begin with "{prefix}", as of a model that was saved inside of '
            "another one: save it without that (model.module, merge_and_unload, or the language model alone)."
        )


def _check_layers(architecture: Architecture, tensors: Tensors) -> None:
    found = {int(match[1]) for name in tensors if (match := _LAYER.match(name))}
    n_layers = architecture.n_layers
    allowed = n_layers + _predicting_layers(architecture.config)
    if found and not (set(range(n_layers)) <= found and max(found) < allowed):
        raise ModelError(f"config.json says {n_layers:,} layers, the weight files hold {len(found):,}.")


def _predicting_layers(config: Any) -> int:
    """Layers behind the decoder's own that a released checkpoint may carry (DeepSeek-V3, GLM-4.5)."""
    return max(int(getattr(config, name, None) or 0) for name in ("num_nextn_predict_layers", "num_mtp_layers"))


def _check_embedding(architecture: Architecture, tensors: Tensors) -> None:
    name = "model.embed_tokens.weight"
    if name in tensors or not any(part in other for other in tensors for part in ("embed", ".wte.")):
        _check_shape(name, (int(architecture.config.vocab_size), architecture.hidden_size), tensors)


def _check_router(layer: int, block: str, experts: int, hidden: int, tensors: Tensors) -> None:
    inside = [name for name in tensors if name.startswith((f"{block}.gate.", f"{block}.router."))]
    if not inside:
        raise ModelError(f"The weight files lack the router of layer {layer} ({block}.gate.weight).")
    if (name := f"{block}.gate.weight") in tensors and len(inside) == 1:
        _check_shape(name, (experts, hidden), tensors)


def _check_shape(name: str, expected: tuple[int, ...], tensors: Tensors) -> None:
    if name not in tensors:
        raise ModelError(f"The weight files lack the tensor {name}.")
    shape = tensors[name].shape
    if shape != expected:
        raise ModelError(f"config.json means {name} to be {_by(expected)}, the weight files hold {_by(shape)}.")


def _check_expert_tensors(
    layer: int, block: str, experts: int, architecture: Architecture, tensors: Tensors, *, quantised: bool
) -> None:
    """Every expert of a layer has a down projection [H, I], alone or as a row of one tensor for all."""
    down = (architecture.hidden_size, architecture.expert_width)
    found = set()
    for name in tensors:
        if (match := _EXPERT.fullmatch(name)) and match[1] == block:
            found.add(int(match[2]))
            if not quantised:
                _check_shape(name, down, tensors)
    if found and not found >= set(range(experts)):
        raise ModelError(
            f"config.json says {experts:,} experts, the weight files hold {len(found):,} in layer {layer}."
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
