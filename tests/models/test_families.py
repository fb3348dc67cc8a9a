"""Every family: its rescoring is the model's own arithmetic, bit for bit, and its routers are where it says."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from moe_core.jobs.load_model import ModelRequest, load_model
from moe_core.models.families import MODEL_FAMILIES
from moe_core.models.family import ModelFamily
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.self_check import check_routing
from moe_core.models.router_scoring import rescore
from tests.job_results import result_of
from tests.tiny_models import build_tiny


@pytest.fixture(scope="module", params=MODEL_FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> ModelFamily:
    """Each family in turn."""
    return request.param


@pytest.fixture(scope="module")
def folder(family: ModelFamily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny saved checkpoint of the family."""
    return build_tiny(tmp_path_factory.mktemp("families") / family.name, family.name)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def loaded(folder: Path, request: pytest.FixtureRequest) -> LoadedModel:
    """The checkpoint in memory, in each dtype."""
    return result_of(load_model(ModelRequest(str(folder), device="cpu", dtype=request.param)))


def gate_output(loaded: LoadedModel, router: int, dtype: torch.dtype | None = None) -> Any:
    """What one router module itself says about random hidden states, 200 tokens."""
    dtype = dtype or loaded.model.dtype
    hidden = torch.randn(200, loaded.model.config.hidden_size, generator=torch.Generator().manual_seed(router))
    with torch.inference_mode():
        return copy.deepcopy(loaded.routers[router].gate).to(dtype)(hidden.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rescoring_is_the_models_own(loaded: LoadedModel, dtype: torch.dtype) -> None:
    """Without a mask ids and weights equal the module's, in every bit and in dtype."""
    for router in range(len(loaded.routers)):
        logits, weights, ids = gate_output(loaded, router, dtype)
        ours = rescore(logits, loaded.router_spec)
        assert ours[0].dtype == weights.dtype
        assert torch.equal(ours[0], weights)
        assert torch.equal(ours[1], ids)


def test_a_rerouted_expert_is_as_if_pruned(loaded: LoadedModel) -> None:
    """Masking an expert gives what a router without that expert's row gives."""
    logits, _, ids = gate_output(loaded, 0)
    expert = int(ids[0, 0])
    mask = torch.zeros(logits.shape[-1], dtype=torch.bool)
    mask[expert] = True
    weights, chosen = rescore(logits, loaded.router_spec, rerouted=mask)
    kept = [other for other in range(logits.shape[-1]) if other != expert]
    pruned_weights, pruned = rescore(logits[:, kept], loaded.router_spec)
    assert not (chosen == expert).any()
    assert torch.allclose(weights.float(), pruned_weights.float(), atol=1e-3 if weights.itemsize == 2 else 1e-6)
    gathered = logits.gather(-1, chosen), logits[:, kept].gather(-1, pruned)  # equal even where 16-bit logits tie
    assert torch.equal(gathered[0].sort().values, gathered[1].sort().values)


def test_the_self_check_passes(loaded: LoadedModel) -> None:
    """All probes of all MoE layers are replayed exactly; dense layers and shared experts are reported."""
    check = check_routing(loaded)
    assert check.passed
    assert all(layer.max_weight_difference == 0 for layer in check.layers)
    qwen = loaded.family.name.startswith("qwen")
    assert check.dense_layers == ((1,) if qwen else ())
    assert check.shared_experts == (1 if loaded.family.name == "qwen2_moe" else 0)


def test_the_specification_says_what_was_loaded(loaded: LoadedModel) -> None:
    """Layers, experts and implementations are those of the model in memory."""
    specification = loaded.specification
    qwen = loaded.family.name.startswith("qwen")
    assert specification.layers == ((0, 2) if qwen else (0, 1, 2))
    assert (specification.n_experts, specification.top_k) == (16, 4)
    assert specification.normalised == (loaded.family.name in ("mixtral", "qwen3_moe"))
    assert (specification.experts_implementation, specification.attention_implementation) == ("grouped_mm", "sdpa")
    assert specification.dtype == str(loaded.model.dtype).removeprefix("torch.")
    assert specification.layers == loaded.family.moe_layers(loaded.model.config.to_dict())


def test_an_even_router_chooses_with_equal_weights() -> None:
    """Equal logits give each chosen expert 1/E, or 1/K when renormalised."""
    for family in MODEL_FAMILIES:
        spec = family.router_spec({"num_experts_per_tok": 4, "norm_topk_prob": False})
        weights, _ = rescore(torch.zeros(1, 16), spec)
        assert torch.equal(weights, torch.full((1, 4), 1 / 4 if family.name == "mixtral" else 1 / 16))


def test_rerouting_makes_the_survivors_weights_grow() -> None:
    """Without renormalisation, masking probability p multiplies the others' weights by 1 / (1 - p)."""
    spec = MODEL_FAMILIES[0].router_spec({"num_experts_per_tok": 2, "norm_topk_prob": False})
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
    weights, ids = rescore(logits, spec, rerouted=torch.tensor([True, False, False]))
    assert ids.tolist() == [[1, 2]]
    assert torch.allclose(weights, torch.tensor([[0.6, 0.4]]))
