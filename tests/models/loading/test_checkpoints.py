"""Checkpoints as they are released: further layers, eyes and ears, weights in eight and four bits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from moe_core.errors import ModelError
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.files.source import DEMO_FOLDER
from tests.job_results import result_of
from tests.tiny_architectures import build, tiny_config


def loaded(folder: Path, dtype: str = "float32", events: list[Event] | None = None) -> LoadedModel:
    """The checkpoint in memory."""
    return result_of(load_model(ModelRequest(str(folder), "cpu", dtype)), events)


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], **config: Any) -> None:
    """Write other weights, and further keys of config.json."""
    weights = {name: values.clone() for name, values in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})
    content = json.loads((folder / "config.json").read_text(encoding="utf-8")) | config
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def test_layers_that_predict_further_tokens_are_left_out(tmp_path: Path) -> None:
    """DeepSeek-V3 and GLM-4.5 carry them behind the decoder's own layers: the model is the same without."""
    folder = build(tmp_path / "model", "glm4_moe")
    plain = loaded(folder)

    def with_more(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        more = {
            name.replace(".3.", ".4.", 1): values.clone() for name, values in weights.items() if ".layers.3." in name
        }
        return weights | more | {"model.layers.4.eh_proj.weight": torch.ones(32, 64)}

    edit(folder, with_more, num_nextn_predict_layers=1)
    again = loaded(folder)
    assert again.specification.layers == plain.specification.layers == (1, 2, 3)
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), plain.model.parameters(), strict=True))


def test_sizes_may_be_given_for_each_layer(tmp_path: Path) -> None:
    """Hunyuan-A13B is released with lists of equal numbers; where layers differ they are named."""
    folder = build(tmp_path / "model", "hunyuan_v1_moe")
    plain = loaded(folder)
    edit(folder, lambda weights: weights, moe_topk=[2] * 4, moe_intermediate_size=[48] * 4, num_shared_expert=[1] * 4)
    again = loaded(folder)
    assert (again.specification.top_k, again.specification.n_experts) == (2, 8)
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), plain.model.parameters(), strict=True))
    edit(folder, lambda weights: weights, moe_topk=[2, 2, 1, 2])
    with pytest.raises(ModelError, match=r"experts \(layers 0-1, 3: 2 of 8; layer 2: 1 of 8\)"):
        loaded(folder)
    edit(folder, lambda weights: weights, moe_topk=[2, 2, 0, 2])
    with pytest.raises(ModelError, match=r"gives '\[2, 2, 0, 2\]' as moe_topk: it must be a whole number"):
        loaded(folder)


def test_a_model_that_sees_is_loaded_without_its_eyes(tmp_path: Path) -> None:
    """Of a wrapped checkpoint the language model alone is built, with the weights that it has in there."""
    folder = build(tmp_path / "text", "qwen3_5_moe_text")
    text = tiny_config("qwen3_5_moe_text")
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32}
    config = transformers.Qwen3_5MoeConfig(text_config=text.to_dict(), vision_config=vision)
    seeing = transformers.Qwen3_5MoeForConditionalGeneration(config)
    plain = loaded(folder)
    seeing.model.language_model.load_state_dict(plain.model.model.state_dict())
    seeing.lm_head.load_state_dict(plain.model.lm_head.state_dict())
    whole = tmp_path / "whole"
    seeing.save_pretrained(whole)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (whole / name).write_bytes((folder / name).read_bytes())
    again = loaded(whole)
    assert type(again.model) is type(plain.model)
    assert again.specification.family == "qwen3_5_moe_text"
    tokens = torch.arange(20)[None]
    with torch.inference_mode():
        assert torch.equal(again.model(tokens).logits, plain.model(tokens).logits)


_SMALL_EYES = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
    "out_hidden_size": 32,
}


@pytest.mark.parametrize(
    ("kind", "text", "wrapped", "head"),
    [
        ("gemma4", "gemma4_text", "model.language_model.layers.", ""),  # its head is its embedding
        ("kimi_k25", "deepseek_v3", "language_model.model.", "language_model.lm_head.weight"),
        ("minimax_m3_vl", "minimax_m3_vl_text", "language_model.model.layers.", "language_model.lm_head.weight"),
        ("qwen3_vl_moe", "qwen3_vl_moe_text", "model.language_model.layers.", "lm_head.weight"),  # no causal class
        ("glm4v_moe", "glm4v_moe_text", "model.language_model.layers.", "lm_head.weight"),
    ],
)
def test_released_names_of_a_wrapped_model_are_known(
    kind: str, text: str, wrapped: str, head: str, tmp_path: Path
) -> None:
    """As transformers saves the whole, in the names of the release, single experts included: the text part answers
    as the whole does without a picture."""
    model_type = CONFIG_MAPPING[kind]
    eyes = model_type().vision_config
    parts = {} if eyes is None else {"vision_config": {**eyes.to_dict(), **_SMALL_EYES}}
    config = model_type(text_config=tiny_config(text).to_dict(), tie_word_embeddings=not head, **parts)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        seeing = transformers.AutoModelForImageTextToText.from_config(config).eval()
    seeing.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((DEMO_FOLDER / name).read_bytes())
    names = set(load_file(tmp_path / "model.safetensors"))
    assert any(name.startswith(wrapped) for name in names)
    assert head in names or not head
    again = loaded(tmp_path)
    assert again.specification.family == text
    tokens = torch.arange(5, 25)[None]
    with torch.inference_mode():
        torch.testing.assert_close(again.model(tokens).logits, seeing(tokens).logits, rtol=1e-4, atol=1e-4)


def test_eight_bit_weights_are_dequantised(tmp_path: Path) -> None:
    """fp8 with a scale a block, as DeepSeek-V3 is released: number times scale is loaded, and said before."""
    folder = build(tmp_path / "model", "deepseek_v3")
    kept: dict[str, torch.Tensor] = {}

    def to_fp8(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        made = {}
        for name, values in weights.items():
            if ".experts." not in name:
                made[name] = values
                continue
            scale = (values.abs().max() / 448).reshape(1, 1)
            made[name] = (values / scale).to(torch.float8_e4m3fn)
            made[f"{name}_scale_inv"] = scale
            kept[name] = made[name].float() * scale
        return made

    method = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
    edit(folder, to_fp8, quantization_config=method)
    events: list[Event] = []
    model = loaded(folder, events=events).model
    down = model.model.layers[1].mlp.experts.down_proj[3]
    assert down.dtype == torch.float32
    torch.testing.assert_close(down, kept["model.layers.1.mlp.experts.3.down_proj.weight"], rtol=1e-2, atol=1e-3)
    (said,) = [event.text for event in events if isinstance(event, Notice)]
    assert said.startswith("The weights are fp8 and are loaded as plain numbers: in float32 they need ")


@pytest.mark.parametrize("method", ["fp8", "mxfp8"])
def test_every_block_has_its_own_scale(method: str, tmp_path: Path) -> None:
    """Also those that reach over the edge: of 160 rows 128 have one scale and 32 the next; scales may be exponents."""
    folder = build(tmp_path / "model", "deepseek_v3", hidden_size=160, kv_lora_rank=140)
    block = (128, 128) if method == "fp8" else (1, 32)
    generator, kept = torch.Generator().manual_seed(1), dict[str, torch.Tensor]()

    def quantised(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        made = dict(weights)
        for name, values in weights.items():
            if values.ndim != 2 or (values.shape[1] % block[1] and method == "mxfp8") or "_proj" not in name:
                continue
            shape = [-(-n // size) for n, size in zip(values.shape, block, strict=True)]
            stored = torch.randint(118, 122, shape, generator=generator, dtype=torch.uint8)
            scale = torch.exp2(stored.float() - 127)
            whole = scale.repeat_interleave(block[0], 0).repeat_interleave(block[1], 1)
            whole = whole[: values.shape[0], : values.shape[1]]
            made[name] = (values / whole).to(torch.float8_e4m3fn)
            made[f"{name}_scale_inv"] = stored if method == "mxfp8" else scale
            kept[name] = made[name].float() * whole
        return made

    config = {"quant_method": method, "activation_scheme": "dynamic", "weight_block_size": list(block)}
    edit(folder, quantised, quantization_config=config)
    layer = loaded(folder).model.model.layers[1]
    found = layer.self_attn.q_a_proj.weight, layer.mlp.experts.gate_up_proj[3, :24], layer.self_attn.o_proj.weight
    names = "self_attn.q_a_proj", "mlp.experts.3.gate_proj", "self_attn.o_proj"
    for ours, name in zip(found, names, strict=True):
        torch.testing.assert_close(ours, kept[f"model.layers.1.{name}.weight"], rtol=0, atol=0)


def test_four_bit_weights_are_dequantised(tmp_path: Path) -> None:
    """mxfp4 as gpt-oss is released: two numbers a byte, one power of two for 32 of them."""
    folder = build(tmp_path / "model", "gpt_oss", hidden_size=64, intermediate_size=64)
    generator = torch.Generator().manual_seed(1)

    def to_mxfp4(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        made = {}
        for name, values in weights.items():
            if not name.endswith(("gate_up_proj", "down_proj")):
                made[name] = values
                continue
            experts, inner, outer = values.shape  # as loaded; blocks lie along the inner axis
            shape = (experts, outer, inner // 32, 16)
            made[f"{name}_blocks"] = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
            made[f"{name}_scales"] = torch.full(shape[:-1], 126, dtype=torch.uint8)
        return made

    edit(folder, to_mxfp4, quantization_config={"quant_method": "mxfp4"})
    blocks = load_file(folder / "model.safetensors")["model.layers.0.mlp.experts.down_proj_blocks"]
    down = loaded(folder).model.model.layers[0].mlp.experts.down_proj
    halves = torch.stack([blocks & 15, blocks >> 4], dim=-1).flatten(-2).flatten(-2).long()  # [E, out, in]
    numbers = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])[halves] * 0.5
    torch.testing.assert_close(down, numbers.transpose(1, 2))


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes"])
def test_other_methods_name_a_way_out(method: str, tmp_path: Path) -> None:
    """What cannot be dequantised is refused before anything is loaded, and another checkpoint is named."""
    folder = build(tmp_path / "model", "qwen3_moe")
    edit(folder, lambda weights: weights, quantization_config={"quant_method": method})
    with pytest.raises(
        Exception, match=f"not supported for {method}: use the unquantised checkpoint, or one in mxfp4, mxfp8 or fp8"
    ):
        loaded(folder)
