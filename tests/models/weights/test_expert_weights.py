"""Experts are found in every layout, and their numbers are those that were saved."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from transformers.activations import ACT2FN

from moe_core.errors import ModelError
from moe_core.models.families import find_routers
from moe_core.models.loading.safetensors_headers import read_headers
from moe_core.models.weights.expert_weights import MATRICES, ExpertWeights, MatrixName, find_experts
from moe_core.models.weights.slabs import n_slabs, slabs
from tests.synthetic_checkpoint import random_experts, save_experts
from tests.tiny_architectures import build, model_class, tiny_config
from tests.tiny_models import build_tiny


def read(folder: Path, model_type: str = "") -> ExpertWeights:
    """The experts of a folder."""
    return find_experts("m", read_headers(tuple(sorted(folder.glob("*.safetensors")))), model_type)


@pytest.mark.parametrize("fused", [False, True])
def test_both_layouts_hold_the_same_experts(tmp_path: Path, fused: bool) -> None:
    """A tensor for each expert, or one for all of them."""
    experts = random_experts()
    found = save_experts(tmp_path, experts, fused=fused, first_layer=3)
    assert [layer.layer for layer in found.layers] == [3, 4]
    assert (found.n_experts, found.matrices) == (5, MATRICES)
    for place, layer in enumerate(found.layers):
        np.testing.assert_array_equal(layer.router_rows(), experts.router[place])
        for name in MATRICES:
            for expert in range(5):
                got = layer.experts[name][expert].neurons()
                np.testing.assert_array_equal(got, experts.neurons(name, place, expert))


@pytest.mark.parametrize("family", ["olmoe", "mixtral", "qwen2_moe", "qwen3_moe"])
def test_the_matrices_of_a_saved_model_are_its_own(tmp_path: Path, family: str) -> None:
    """What transformers computes with: fused parameters [E, 2I, H] and [E, H, I] of the loaded model."""
    import transformers

    folder = build_tiny(tmp_path, family)
    found = read(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    for layer in found.layers:
        experts = model.model.layers[layer.layer].mlp.experts
        both, down = (each.detach().float().numpy() for each in (experts.gate_up_proj, experts.down_proj))
        half = both.shape[1] // 2
        for expert in range(found.n_experts):
            np.testing.assert_array_equal(layer.experts["gate"][expert].neurons(), both[expert, :half])
            np.testing.assert_array_equal(layer.experts["up"][expert].neurons(), both[expert, half:])
            np.testing.assert_array_equal(layer.experts["down"][expert].neurons(), down[expert].T)
    assert bool(found.layers[0].shared) == (family == "qwen2_moe")


@pytest.mark.parametrize("kind", ["dbrx", "aria_text", "inkling_text", "granitemoe"])
def test_experts_of_odd_layouts_compute_what_the_model_s_own_do(tmp_path: Path, kind: str) -> None:
    """Each alone: down(act(gate x) * up x) with the numbers read from the file is what the loaded module gives."""
    config = tiny_config(kind)
    found = read(build(tmp_path, kind), kind)
    model = model_class(kind).from_pretrained(tmp_path).eval()
    routers = find_routers(model)
    assert [layer.layer for layer in found.layers] == [router.layer for router in routers]
    x = torch.randn(3, found.layers[0].experts["up"][0].shape[1], generator=torch.Generator().manual_seed(0))
    act = ACT2FN[getattr(config, "hidden_act", "silu")]
    for layer, router in zip(found.layers, routers, strict=True):
        for expert in (0, found.n_experts - 1):
            gate, up, down = (torch.from_numpy(layer.experts[name][expert].neurons().copy()) for name in _GATE_UP_DOWN)
            expected = (act(x @ gate.T) * (x @ up.T)) @ down
            with torch.inference_mode():
                got = router.experts(x, torch.full((3, 1), expert), torch.ones(3, 1))
            np.testing.assert_allclose(got.reshape(3, -1), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["longcat_flash", "inkling2_text"])
def test_experts_whose_rows_take_turns_or_that_lack_a_part(tmp_path: Path, kind: str) -> None:
    """The numbers are those of the loaded module, half by half."""
    found = read(build(tmp_path, kind), kind)
    routers = find_routers(model_class(kind).from_pretrained(tmp_path))
    for layer, router in zip(found.layers, routers, strict=True):
        both, down = (each.detach().numpy() for each in (router.experts.gate_up_proj, router.experts.down_proj))
        assert found.n_experts == len(down) == len(layer.router_rows())
        for expert in range(found.n_experts):
            gate, up = np.split(both[expert], 2)
            for name, expected in zip(_GATE_UP_DOWN, (gate, up, down[expert].T), strict=True):
                np.testing.assert_array_equal(layer.experts[name][expert].neurons(), expected)


def test_experts_of_attention_are_no_layer_of_their_own(tmp_path: Path) -> None:
    """JetMoE has both kinds in every layer, under the same names."""
    assert [layer.layer for layer in read(build(tmp_path, "jetmoe"), "jetmoe").layers] == [0, 1, 2, 3]


def test_a_router_that_is_no_matrix_of_rows_is_told(tmp_path: Path) -> None:
    """ZAYA's is a small network: none of its matrices is taken for rows of experts."""
    (layer, *_) = read(build(tmp_path, "zaya"), "zaya").layers
    with pytest.raises(ModelError, match="router of layer 0 is no matrix"):
        layer.router_rows()


_GATE_UP_DOWN: tuple[MatrixName, ...] = ("gate", "up", "down")


def test_bfloat16_and_turned_interleaved_experts(tmp_path: Path) -> None:
    """As gpt-oss keeps them: [E, H, 2I] with gate and up taking turns, [E, I, H]."""
    experts = random_experts(L=1)
    both = np.empty((5, 11, 14), np.float32)
    both[..., ::2], both[..., 1::2] = experts.gate[0].swapaxes(1, 2), experts.up[0].swapaxes(1, 2)
    prefix = "model.layers.0.mlp."
    tensors = {
        f"{prefix}experts.gate_up_proj": torch.from_numpy(both).bfloat16(),
        f"{prefix}experts.down_proj": torch.from_numpy(experts.down[0].swapaxes(1, 2).copy()).bfloat16(),
        f"{prefix}router.weight": torch.from_numpy(experts.router[0]).bfloat16(),
    }
    save_torch(tensors, tmp_path / "model.safetensors")
    (layer,) = read(tmp_path, "gpt_oss").layers
    for name in MATRICES:
        for expert in range(5):
            expected = torch.from_numpy(experts.neurons(name, 0, expert).copy()).bfloat16().float().numpy()
            np.testing.assert_array_equal(layer.experts[name][expert].neurons(), expected)


def test_shared_experts_are_cut_to_the_width_of_routed_ones(tmp_path: Path) -> None:
    """Two shared experts are saved as one of twice the width."""
    experts, shared = random_experts(L=1), random_experts(seed=1, L=1, E=1, width=14)
    prefix = "model.layers.0.mlp."
    tensors = {f"{prefix}shared_experts.{name}_proj.weight": getattr(shared, name)[0, 0] for name in MATRICES}
    for name in MATRICES:
        for expert in range(5):
            tensors[f"{prefix}experts.{expert}.{name}_proj.weight"] = getattr(experts, name)[0, expert]
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, tmp_path / "model.safetensors")
    (layer,) = read(tmp_path).layers
    for name in MATRICES:
        both = np.vstack([part.neurons() for part in layer.shared[name]])
        np.testing.assert_array_equal(both, shared.neurons(name, 0, 0))


@pytest.mark.parametrize("elements", [1, 100, 10_000])
def test_slabs_are_the_whole_matrices(tmp_path: Path, elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is held at once."""
    monkeypatch.setattr("moe_core.models.weights.slabs.SLAB_ELEMENTS", elements)
    experts = random_experts()
    layer = save_experts(tmp_path, experts).layers[1]
    parts = list(slabs(layer.experts["up"]))
    assert len(parts) == n_slabs(layer.experts["up"])
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), experts.up[1])


def test_a_model_without_experts_is_refused(tmp_path: Path) -> None:
    """And so is one that lacks an expert; one sentence says what."""
    save_file({"model.layers.0.mlp.up_proj.weight": np.zeros((2, 2), np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="No experts were found"):
        read(tmp_path)
    tensor = np.zeros((2, 2), np.float32)
    save_file({f"model.layers.0.mlp.experts.{e}.down_proj.weight": tensor for e in (0, 2)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="experts of layer 0 are not complete"):
        read(tmp_path)
