"""The self-check finds a model whose experts do not get what its router says, and what the commands print."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from moe_core.commands.check_model import check_model
from moe_core.commands.doctor import doctor
from moe_core.errors import ModelError
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.family import Router
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.checks.self_check import check_routing
from tests.job_results import result_of


@pytest.fixture(scope="module")
def loaded(tiny_olmoe: Path) -> LoadedModel:
    """The tiny OLMoE in memory."""
    return result_of(load_model(ModelRequest(str(tiny_olmoe), device="cpu")))


@contextmanager
def broken_router(routers: Sequence[Router], change: Any) -> Iterator[None]:
    """Layer 1's experts get something else than its router said."""

    def before_experts(module: Any, inputs: Any) -> Any:
        hidden, ids, weights = inputs
        return (hidden, *change(ids, weights))

    handle = routers[1].experts.register_forward_pre_hook(before_experts)
    try:
        yield
    finally:
        handle.remove()


def test_a_sound_model_passes(loaded: LoadedModel) -> None:
    """Every layer is replayed exactly, over all probe tokens."""
    check = check_routing(loaded.model, loaded.routers)
    assert check.passed
    assert [(layer.layer, layer.tokens, layer.wrong_ids, layer.wrong_weights) for layer in check.layers] == [
        (0, 72, 0, 0),
        (1, 72, 0, 0),
        (2, 72, 0, 0),
    ]


def test_a_check_leaves_the_model_as_it_was(loaded: LoadedModel) -> None:
    """No hook stays behind, and the logits are bit for bit those from before."""
    tokens = torch.arange(20)[None]
    with torch.inference_mode():
        before = loaded.model(tokens).logits
        check_routing(loaded.model, loaded.routers)
        assert torch.equal(loaded.model(tokens).logits, before)


@pytest.mark.parametrize(
    ("change", "ids_wrong", "weights_wrong"),
    [
        (lambda ids, weights: ((ids + 1) % 16, weights), True, False),
        (lambda ids, weights: (ids, weights / weights.sum(-1, keepdim=True)), False, True),
        (lambda ids, weights: (ids, weights * (1 + 2**-20)), False, True),
    ],
)
def test_a_router_that_says_something_else_is_found(
    loaded: LoadedModel, change: Any, ids_wrong: bool, weights_wrong: bool
) -> None:
    """Other experts, renormalised weights, or weights off by a millionth: the layer fails, the others pass."""
    with broken_router(loaded.routers, change):
        check = check_routing(loaded.model, loaded.routers)
    assert not check.passed
    assert [layer.passed for layer in check.layers] == [True, False, True]
    assert (check.layers[1].wrong_ids > 0, check.layers[1].wrong_weights > 0) == (ids_wrong, weights_wrong)


def test_a_mask_that_does_not_reach_the_experts_is_found(loaded: LoadedModel) -> None:
    """A model that keeps computing an expert that its router was told to leave out cannot be steered."""
    expert = check_routing(loaded.model, loaded.routers).layers[1].rerouted_expert

    def put_back(ids: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        stays = (ids == expert).any(-1, keepdim=True).any()
        return (ids if stays else ids.clone().index_fill_(1, torch.tensor([3]), expert)), weights

    with broken_router(loaded.routers, put_back):
        check = check_routing(loaded.model, loaded.routers)
    assert [layer.reroute_works for layer in check.layers] == [True, False, True]


def test_check_model_prints_json(tiny_olmoe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """stdout is one JSON object with the verdict per layer."""
    check_model(str(tiny_olmoe), device="cpu", dtype="auto", offline=True, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["passed"]
    assert [layer["passed"] for layer in printed["layers"]] == [True, True, True]
    assert (printed["model"]["top_k"], printed["model"]["experts_implementation"]) == (4, "grouped_mm")


def test_check_model_prints_a_table(tiny_olmoe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row per layer between the model's description and the verdict."""
    check_model(str(tiny_olmoe), device="cpu", dtype="bfloat16", offline=True, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert "3 MoE layers x 16 experts, top-4" in lines[0]
    assert [line.split()[0] for line in lines[2:5]] == ["0", "1", "2"]
    assert lines[-1] == "verdict: routing can be recorded and steered"


def test_check_model_fails_with_a_sentence(tiny_olmoe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that fails names its layers in the error."""

    def with_fault(model: Any, routers: Any) -> Any:
        with broken_router(routers, lambda ids, weights: ((ids + 1) % 16, weights)):
            return check_routing(model, routers)

    monkeypatch.setattr("moe_core.models.loading.checks.self_check.check_routing", with_fault)
    with pytest.raises(ModelError, match=r"cannot be replayed \(layers: 1\)"):
        check_model(str(tiny_olmoe), device="cpu", dtype="auto", offline=True, as_json=False)


def test_doctor_shows_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """Versions, devices with what fits, and data at hand; as text and as JSON."""
    doctor(as_json=False)
    text = capsys.readouterr().out
    assert "OLMoE-1B-7B in 16 bit (13.8 GB)" in text
    assert "auto would load models onto" in text
    doctor(as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["devices"][-1]["name"] == "cpu"
    assert printed["devices"][-1]["dtype"] == "float32"
    assert printed["offline_mmlu"]
    assert printed["versions"]["torch"] == version("torch")
