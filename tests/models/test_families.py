"""The families that moescope began with: what their routers say, re-routed and weighed, bit for bit where it can be."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.checks.self_check import check_routing
from tests.job_results import result_of
from tests.tiny_models import FAMILIES, build_tiny


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Each family in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny saved checkpoint of the family."""
    return build_tiny(tmp_path_factory.mktemp("families") / family, family)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def loaded(folder: Path, request: pytest.FixtureRequest) -> LoadedModel:
    """The checkpoint in memory, in each dtype."""
    return result_of(load_model(ModelRequest(str(folder), device="cpu", dtype=request.param)))


def hidden_states(loaded: LoadedModel, router: int) -> torch.Tensor:
    """Random inputs of a router, 200 tokens."""
    generator = torch.Generator().manual_seed(router)
    return torch.randn(200, loaded.model.config.hidden_size, generator=generator).to(loaded.model.dtype)


@torch.inference_mode()
def rerouted(loaded: LoadedModel, router: int, *closed: int) -> Any:
    """Logits, weights and ids of one router that may not choose some experts."""
    gate, hidden = loaded.routers[router], hidden_states(loaded, router)
    mask = torch.zeros(loaded.specification.n_experts, dtype=torch.bool)
    mask[list(closed)] = True
    return gate.closing(mask)(((hidden,), {}), gate.gate(hidden))


def test_a_rerouted_expert_is_as_if_pruned(loaded: LoadedModel) -> None:
    """Closing an expert gives what a router without that expert's row gives, in every bit, with the old numbers."""
    with torch.inference_mode():
        expert = int(loaded.routers[0].gate(hidden_states(loaded, 0))[2][0, 0])
        kept = torch.tensor([other for other in range(16) if other != expert])
        pruned = copy.deepcopy(loaded.routers[0].gate)
        pruned.weight = torch.nn.Parameter(pruned.weight[kept], requires_grad=False)
        pruned.num_experts = 15
        expected_logits, expected_weights, expected_ids = pruned(hidden_states(loaded, 0))
    logits, weights, ids = rerouted(loaded, 0, expert)
    assert torch.equal(ids, kept[expected_ids])
    assert torch.equal(weights, expected_weights)
    assert torch.equal(logits[:, kept], expected_logits)
    assert (logits[:, expert] == -torch.inf).all()


def test_closing_nothing_changes_no_bit(loaded: LoadedModel) -> None:
    """A router of which no expert is closed says what the model's own says, in the same dtypes."""
    for router in range(len(loaded.routers)):
        with torch.inference_mode():
            own = loaded.routers[router].gate(hidden_states(loaded, router))
        for ours, theirs in zip(rerouted(loaded, router), own, strict=True):
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs)


def test_the_self_check_passes(loaded: LoadedModel) -> None:
    """Experts get what all routers say, and can be closed; dense layers and shared experts are reported."""
    check = check_routing(loaded.model, loaded.routers)
    assert check.passed
    assert all(layer.max_weight_difference == 0 for layer in check.layers)
    family = loaded.specification.family
    assert check.dense_layers == ((1,) if family.startswith("qwen") else ())
    assert check.shared_experts == (1 if family == "qwen2_moe" else 0)
    can = check.abilities
    assert (can.reroute, can.weigh, can.share_prefixes, can.pad, can.scoring) == (True, True, True, True, "softmax")


def test_the_specification_says_what_was_loaded(loaded: LoadedModel) -> None:
    """Layers, experts and implementations are those of the model in memory."""
    specification = loaded.specification
    qwen = specification.family.startswith("qwen")
    assert specification.layers == ((0, 2) if qwen else (0, 1, 2))
    assert (specification.n_experts, specification.top_k) == (16, 4)
    assert specification.normalised == (specification.family in ("mixtral", "qwen3_moe"))
    assert (specification.experts_implementation, specification.attention_implementation) == ("grouped_mm", "sdpa")
    assert specification.dtype == str(loaded.model.dtype).removeprefix("torch.")
