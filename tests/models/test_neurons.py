"""Neurons are switched off as if their weights were zeros, and their activations are those of the family."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from moe_core.errors import InterventionError, ModelError
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.models.family import Router
from moe_core.models.loading.building import LoadedModel
from moe_core.models.neurons import activations, n_neurons, switched_off
from tests.models.inference.test_forward_passes import TARGETS, asked, loaded, olmoe, quiz_of, whole_prompt
from tests.tiny_architectures import build
from tests.tiny_models import build_tiny

__all__ = ["olmoe"]  # the fixture

NEURONS = "0:3:0-7,0:5:2,1:0-15:4,2:9:10-15"


def logprobs_of(model: Any, prompt: np.ndarray) -> np.ndarray:
    """Log-probabilities of the choices, by transformers alone."""
    with torch.inference_mode():
        logits = model(torch.from_numpy(prompt.astype(np.int64))[None]).logits[0, -1]
    return logits.float().log_softmax(-1)[torch.from_numpy(TARGETS).long()].numpy()


@pytest.mark.parametrize("implementation", ["grouped_mm", "eager"])
def test_zeros_in_the_weights_of_a_copy_give_the_same(tiny_olmoe: Path, implementation: str) -> None:
    """The rows of gate and up projection are zeros there: nothing of the down projection is touched."""
    model = loaded(tiny_olmoe)
    model.model.set_experts_implementation(implementation)
    copy = transformers.OlmoeForCausalLM.from_pretrained(tiny_olmoe, dtype=torch.float32)
    made = parse_mask(NEURONS)
    with torch.no_grad():
        for layer, expert, neuron in made.neurons:
            both = copy.model.layers[layer].mlp.experts.gate_up_proj[expert]  # [2 I, H]
            both[neuron] = both[len(both) // 2 + neuron] = 0
    quiz = quiz_of(shared=6)
    plain, _ = asked(model, quiz)
    found, _ = asked(model, quiz, intervention=made)
    moved = 0.0
    for question, record in found.items():
        expected = logprobs_of(copy, whole_prompt(quiz, question))
        np.testing.assert_allclose(record.answer.choice_logprobs, expected, atol=1e-5)
        moved = max(moved, float(np.abs(expected - plain[question].answer.choice_logprobs).max()))
    assert moved > 1e-3


def test_the_model_is_bit_for_bit_what_it_was(olmoe: LoadedModel) -> None:
    """After a run, after one that was given up, and after an error."""
    before = {name: values.clone() for name, values in olmoe.model.state_dict().items()}
    quiz, made = quiz_of(shared=0), parse_mask(NEURONS)
    asked(olmoe, quiz, intervention=made)
    with pytest.raises(ModelError, match="cannot be switched off one by one"), _off(olmoe, "0:3:0,1:2:16"):
        raise AssertionError("it was opened")
    with pytest.raises(KeyError), _off(olmoe, NEURONS):
        raise KeyError
    assert all(torch.equal(values, before[name]) for name, values in olmoe.model.state_dict().items())


def test_every_neuron_off_is_a_dropped_expert(olmoe: LoadedModel) -> None:
    """Known answer: nothing is left of its output, and it is chosen as ever."""
    quiz = quiz_of(shared=0)
    off, _ = asked(olmoe, quiz, intervention=parse_mask("1:0-15:0-15"))
    dropped, _ = asked(olmoe, quiz, intervention=parse_mask("1:0-15", "drop"))
    for question, record in off.items():
        np.testing.assert_array_equal(record.answer.choice_logprobs, dropped[question].answer.choice_logprobs)
        assert (record.answer.weights[1] > 0).all()
        assert (dropped[question].answer.weights[1] == 0).all()


def test_activations_are_those_of_the_family(olmoe: LoadedModel) -> None:
    """Of OLMoE silu(gate) times up, written down here; more neurons than the hidden size has places, too."""
    experts: Any = olmoe.routers[1].experts
    hidden = torch.randn(11, experts.down_proj.shape[1], generator=torch.Generator().manual_seed(0))
    gate, up = (hidden @ experts.gate_up_proj[5].T).chunk(2, -1)
    torch.testing.assert_close(activations(olmoe.routers[1], 5, hidden), nn.functional.silu(gate) * up)


@pytest.mark.parametrize(
    ("kind", "size"),
    [("gpt_oss", 48), ("deepseek_v3", 24), ("nemotron_h", 24), ("longcat_flash", 24), ("dbrx", 0), ("jetmoe", 0)],
)
def test_the_self_check_says_where_it_can_be_done(kind: str, size: int, tmp_path: Path) -> None:
    """Biased and transposed experts, layers of experts alone; what cannot be run alone is refused in a sentence."""
    model = loaded(build(tmp_path / kind, kind)).specification
    assert model.abilities.neurons == size
    layer = model.layers[0]  # the first may be dense
    if size:
        model.check(Intervention(neurons=frozenset({(layer, 0, size - 1)})))
        assert f"each has {size} neurons" in model.abilities.sentence
    says = rf"neurons 0-{size - 1}" if size else "cannot be run one by one"
    with pytest.raises(InterventionError, match=says):
        model.check(Intervention(neurons=frozenset({(layer, 0, size)})))


def test_transposed_experts_with_as_many_neurons_as_the_hidden_size(tmp_path: Path) -> None:
    """gpt-oss with 32 of both: zeros in gate and up, weights and biases, of a copy give the same output."""
    folder = build(tmp_path / "square", "gpt_oss", intermediate_size=32)
    router: Any = loaded(folder).routers[0]
    hidden = torch.randn(9, 32, generator=torch.Generator().manual_seed(1))
    assert n_neurons(router, hidden, 2) == 32
    ids, weights = torch.full((9, 2), 2), torch.full((9, 2), 0.5)
    with switched_off([router], 32, {(0, 2, 7)}), torch.inference_mode():
        off = router.experts(hidden, ids, weights)
    with torch.inference_mode():
        whole = router.experts(hidden, ids, weights)
        down = router.experts.down_proj[2]  # [I, H]
        expected = whole - activations(router, 2, hidden)[:, 7:8] * down[7]
    torch.testing.assert_close(off, expected)
    assert float((off - whole).abs().max()) > 1e-3


class _OwnModules(nn.Module):
    """Experts that are a module each, as checkpoints of older kinds have them."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(nn.ModuleDict({"w1": nn.Linear(6, 10), "w2": nn.Linear(10, 6)}) for _ in range(12))

    def forward(self, hidden: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
        """Sum of the chosen experts' outputs times their weights."""
        every = torch.stack([member["w2"](member["w1"](hidden).relu()) for member in self.members])  # type: ignore[index, operator]
        chosen = every[ids, torch.arange(len(hidden))[:, None]]
        return (chosen * weights[..., None]).sum(1)


def test_experts_that_are_modules_of_their_own() -> None:
    """In the order of their numbers, of which some have two digits; biases stay."""
    torch.manual_seed(3)
    experts = _OwnModules()
    router, hidden = Router(0, nn.Identity(), experts), torch.randn(4, 6)
    member: Any = experts.members[10]
    assert n_neurons(router, hidden, 10) == 10
    torch.testing.assert_close(activations(router, 10, hidden), member["w1"](hidden).relu())
    ids, weights = torch.full((4, 1), 10), torch.ones(4, 1)
    with switched_off([router], 10, {(0, 10, 3), (0, 10, 4)}):
        off = experts(hidden, ids, weights)
    inner = member["w1"](hidden).relu()
    inner[:, 3:5] = 0
    torch.testing.assert_close(off, member["w2"](inner))


def test_more_neurons_than_places_are_read_in_parts(tmp_path: Path) -> None:
    """40 neurons through 32 places."""
    router: Any = loaded(build_tiny(tmp_path / "wide", intermediate_size=40)).routers[0]
    hidden = torch.randn(5, 32, generator=torch.Generator().manual_seed(2))
    gate, up = (hidden @ router.experts.gate_up_proj[1].T).chunk(2, -1)
    torch.testing.assert_close(activations(router, 1, hidden), nn.functional.silu(gate) * up)


def _off(model: LoadedModel, text: str) -> Any:
    return switched_off(model.routers, 16, parse_mask(text).neurons)
