"""A tiny model with random weights of any Mixture-of-Experts kind that transformers knows, and a really pruned one."""

import dataclasses
import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, model_type_to_module_name
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from moe_core.models.loading.files.source import DEMO_FOLDER

E, K = 8, 2
SEED = 20_250_217
# Every size that some configuration has; each kind takes those that its class declares.
_SIZES: dict[str, Any] = {
    "vocab_size": 1536,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 48,
    "moe_intermediate_size": 24,
    "shared_expert_intermediate_size": 24,
    "shared_intermediate_size": 24,
    "shared_experts_intermediate_size": 24,
    "moe_shared_expert_intermediate_size": 24,
    "max_position_embeddings": 2048,
    "initializer_range": 0.2,
    "pad_token_id": 1,
    "bos_token_id": None,
    "eos_token_id": 0,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "num_dense_layers": 1,
    "index_head_dim": 16,
    "index_n_heads": 2,
    "index_topk": 16,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_head_dim": 8,
    "linear_num_heads": 4,
    "mamba_d_state": 8,
    "mamba_num_heads": 4,
    "mamba_head_dim": 16,
    "ssm_state_size": 8,
    "n_groups": 2,
    "num_nextn_predict_layers": 0,
    "num_mtp_layers": 0,
    "sliding_window": 8,
    "rotary_dim": 8,
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), E),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts"), K),
}
_SMALL_WINDOWS = {
    "unpadded_vocab_size": 1536,
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2,
    "swa_head_dim": 8,
    "rel_extent": 64,
    "d_rel": 4,
}
_OWN: dict[str, dict[str, Any]] = {
    "beam": {"mlp_layer_types": ["dense", "sparse", "sparse", "sparse"]},
    "cohere2_moe": {"logit_scale": 0.25, "num_shared_experts": 1},
    "dbrx": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 4,
        "max_seq_len": 2048,
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8},
        "ffn_config": {"hidden_size": 32, "ffn_hidden_size": 24, "moe_num_experts": E, "moe_top_k": K},
    },
    "dots3_note_text": {
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 4,
        "swa_q_lora_rank": 16,
        "swa_kv_lora_rank": 16,
        "swa_head_dim": 16,
        "swa_qk_nope_head_dim": 8,
        "swa_v_head_dim": 8,
    },
    "gemma4_text": {
        "enable_moe_block": True,
        "vocab_size_per_layer_input": 1536,
        "hidden_size_per_layer_input": 8,
        "final_logit_softcapping": 5.0,
    },
    "glm4v_moe_text": {
        "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
        | {"mrope_section": [2, 1, 1]},
    },
    "granitemoe": {"logits_scaling": 4.0},
    "granitemoe_swa": {"logits_scaling": 4.0},
    "granitemoeshared": {"logits_scaling": 4.0},
    "granitemoehybrid": {
        "logits_scaling": 4.0,
        "mamba_n_heads": 4,
        "layer_types": ["linear_attention", "full_attention"] * 2,
    },
    "inkling_text": _SMALL_WINDOWS,
    "inkling2_text": {**_SMALL_WINDOWS, "n_layers_per_attn_res_block": 2},
    "jetmoe": {"kv_channels": 8},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "longcat_flash": {
        "num_layers": 2,
        "ffn_hidden_size": 48,
        "expert_ffn_hidden_size": 24,
        "zero_expert_num": 4,
        "num_key_value_heads": 4,
    },
    "nemotron_h": {"layers_block_type": ["linear_attention", "moe", "full_attention", "moe"]},
    "qwen4_exp_text": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 64,
        "indexer_compress_ratio": 4,
        "hc_lowrank": 8,
        "ple_embed_dim": 16,
        "ngram_vocab_size_base": 200,
        "heads_per_ngram": 2,
        "split_ngram_parts": 1,
        "make_ngram_vocab_size_divisible_by": 8,
    },
    "zaya": {"num_experts_per_tok": 1, "router_hidden_size": 16},
}


def tiny_config(kind: str, **overrides: Any) -> Any:
    """The configuration of a kind (a `model_type`): 4 layers, 8 experts, top-2, as far as it counts them so."""
    configuration = CONFIG_MAPPING[kind]
    declared = {field.name for field in dataclasses.fields(configuration)}
    sizes = {name: value for name, value in _SIZES.items() if name in declared}
    if "kv_lora_rank" in declared and "num_key_value_heads" in declared:
        sizes["num_key_value_heads"] = 4
    return configuration(**{**sizes, **_OWN.get(kind, {}), **overrides})


def model_class(kind: str) -> Any:
    """The causal language model of a kind."""
    name = model_type_to_module_name(kind)
    module = importlib.import_module(f"transformers.models.{name}.modeling_{name}")
    own = next(other for other in module.__all__ if other.endswith("ForCausalLM"))
    return getattr(module, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind, own))


def build(folder: Path, kind: str, **overrides: Any) -> Path:
    """A saved checkpoint of a kind, with the demo's tokenizer."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = model_class(kind)(tiny_config(kind, **overrides)).eval()
        _unlike(model)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(DEMO_FOLDER / name, folder / name)
    return folder


def _unlike(model: nn.Module) -> None:
    """Random numbers where a fresh model has the same for every expert: routers of zeros choose by chance."""
    with torch.no_grad():
        for name, values in [*model.named_parameters(), *model.named_buffers()]:
            is_router = any(part in ("gate", "router", "wg", "expert_bias") for part in name.split("."))
            if is_router and values.is_floating_point() and values.numel() > 1 and "norm" not in name:
                values.add_(torch.randn_like(values) * 0.2)
            elif name.endswith("tid2eid"):  # experts by token
                values.copy_(torch.stack([torch.randperm(E)[: values.shape[-1]] for _ in range(len(values))]))


def really_pruned(model: Any, closed: Sequence[Sequence[int]], blocks: Sequence[str]) -> Any:
    """A model whose configuration has fewer experts, and whose weights lack those that are `closed` in each block."""
    config = _fewer(model.config, len(closed[0]))
    pruned = type(model)(config).eval()
    weights, wanted = model.state_dict(), pruned.state_dict()
    for name, values in wanted.items():
        block = next((at for at, prefix in enumerate(blocks) if name.startswith(f"{prefix}.")), None)
        wanted[name] = weights[name] if block is None else _kept(weights[name], values.shape, closed[block])
    pruned.load_state_dict(wanted)
    return pruned


def with_closed_logits(model: Any, closed: Sequence[Sequence[int]], blocks: Sequence[str]) -> Any:
    """The model with minus infinity as the bias of its routers' closed rows."""
    for experts, name in zip(closed, blocks, strict=True):
        layer = model.get_submodule(name).router.layer
        layer.bias = nn.Parameter(torch.zeros(layer.out_features), requires_grad=False)
        layer.bias[list(experts)] = -torch.inf
    return model


def _fewer(config: Any, n_closed: int) -> Any:
    made = type(config).from_dict(config.to_dict())
    part = made.ffn_config if made.model_type == "dbrx" else made
    for name in ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"):
        if name in part.to_dict():
            setattr(part, name, E - n_closed)
    made._experts_implementation = made._attn_implementation = "eager"
    return made


def _kept(values: torch.Tensor, shape: torch.Size, closed: Sequence[int]) -> torch.Tensor:
    """The tensor in its smaller shape: one axis has fewer experts, or as many fewer rows per expert."""
    for axis, (before, after) in enumerate(zip(values.shape, shape, strict=True)):
        if before != after:
            n_experts = before if before - after == len(closed) else E  # E, and further choices of the router; or E x I
            keep = torch.tensor([expert for expert in range(n_experts) if expert not in closed])
            rows = values.unflatten(axis, (n_experts, before // n_experts))
            values = rows.index_select(axis, keep).flatten(axis, axis + 1)
    return values
