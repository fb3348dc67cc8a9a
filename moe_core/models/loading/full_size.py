"""OLMoE-1B-7B's architecture with random weights, built on the device: full-size timings need no download.

https://huggingface.co/allenai/OLMoE-1B-7B-0125-Instruct (config.json)
"""

from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any

from moe_core.errors import MissingExtraError
from moe_core.interventions.layers import Layers
from moe_core.traces.specification import ModelSpecification

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel

OLMO_TOKENIZER = "olmo_eval/tokenizers/allenai_gpt-neox-olmo-dolma-v1_5.json"
ARCHITECTURE: dict[str, Any] = {
    "vocab_size": 50_304,
    "hidden_size": 2_048,
    "intermediate_size": 1_024,
    "num_hidden_layers": 16,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "num_experts": 64,
    "num_experts_per_tok": 8,
    "max_position_embeddings": 4_096,
    "pad_token_id": 1,
    "bos_token_id": None,
    "eos_token_id": 50_279,
}


def build_full_size(device: str, dtype: str, *, with_tokenizer: bool = True, **overrides: int) -> "LoadedModel":
    """The model, with OLMo's tokenizer unless the prompts are tokens already; `overrides` change its architecture.

    Raises DeviceError for a device that is not there and MissingExtraError without the packages it needs.
    """
    try:
        import torch
        from transformers import OlmoeConfig, OlmoeForCausalLM, PreTrainedTokenizerFast

        from moe_core.models.families import find_routers
        from moe_core.models.loading import building
        from moe_core.models.loading.checks.self_check import check_routing
    except ImportError as error:
        raise MissingExtraError("model", "Building a model") from error
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=_tokenizer_file()) if with_tokenizer else None
    device, dtype = building.resolve_device(device, dtype)
    config = OlmoeConfig(**{**ARCHITECTURE, **overrides})
    config._experts_implementation = "grouped_mm"
    with torch.device(device), torch.random.fork_rng():
        torch.manual_seed(0)
        model = OlmoeForCausalLM._from_config(config, dtype=building.DTYPES[dtype], attn_implementation="sdpa").eval()
    routers = find_routers(model)
    check = check_routing(model, routers)
    specification = ModelSpecification(
        name="OLMoE-1B-7B, random weights",
        source="built on the device",
        revision="",
        config_sha256="",
        weights_sha256="",
        family=config.model_type,
        layers=Layers(router.layer for router in routers),
        n_experts=config.num_experts,
        top_k=config.num_experts_per_tok,
        normalised=False,
        dtype=dtype,
        device=device,
        experts_implementation=model.config._experts_implementation,
        attention_implementation=model.config._attn_implementation,
        context_length=config.max_position_embeddings,
        tokenizer_sha256="",
        self_check=check.verdict,
        abilities=check.abilities,
    )
    return building.LoadedModel(model, tokenizer, routers, specification, check)


def _tokenizer_file() -> str:
    try:
        return str(distribution("ai2-olmo-eval").locate_file(OLMO_TOKENIZER))
    except PackageNotFoundError as error:
        raise MissingExtraError("mmlu", "OLMo's tokenizer") from error
