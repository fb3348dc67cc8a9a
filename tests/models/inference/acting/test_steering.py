"""Interventions change exactly what they say, and nothing when they say nothing."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from moe_core.errors import InterventionError
from moe_core.interventions.grouped import Groups
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.models.family import Chosen, Router
from moe_core.models.inference.acting.steering import layer_steerings
from moe_core.models.loading.building import LoadedModel
from tests.models.inference.test_forward_passes import asked, olmoe, quiz_of

__all__ = ["olmoe"]  # the fixture

LOGITS = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]])


class Gate(nn.Module):
    """Chooses the two largest of the softmax over its rows' products, as OLMoE's router does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(4), requires_grad=False)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, weights and ids."""
        logits = hidden @ self.weight.T
        weights, ids = logits.softmax(-1).topk(2, dim=-1)
        return logits, weights, ids


def steered(intervention: Intervention) -> Chosen:
    """The choice of a layer with two tokens and four experts under an intervention."""
    router = Router(0, Gate(), nn.Identity())
    output = router.gate(LOGITS)
    steering = layer_steerings(intervention, [router], 4)[0]
    if steering is not None and steering.rerun is not None:
        output = steering.rerun(((LOGITS,), {}), output)
    call = (LOGITS, output[2], output[1]), {}
    return router.given(router.weighed(call, steering.factor) if steering and steering.factor is not None else call)


def test_reroute_lets_the_next_best_expert_step_in() -> None:
    """Without expert 0, token 0 uses 1 and 2, and the softmax runs over the three that are left: weights grow."""
    output = steered(parse_mask("0:0"))
    assert output.ids.tolist() == [[1, 2], [3, 2]]
    expected = np.exp([2.0, 1.0]) / np.exp([2.0, 1.0, 0.0]).sum()
    np.testing.assert_allclose(output.weights[0], expected, rtol=1e-6)


def test_masks_that_groups_cannot_carry_out_are_refused() -> None:
    """Groups that would differ in size, or hold too few to choose from, are named; what works passes."""
    cut, biased = Groups(2, 1, by_bias=False), Groups(2, 1, by_bias=True)
    with pytest.raises(InterventionError, match=r"Layer 0 would keep 3 of 4 experts in group 0 \(0-3\) and 4 of 4"):
        cut.check(parse_mask("0:1"), 8, 2)
    cut.check(parse_mask("0:1,0:6"), 8, 2)
    biased.check(parse_mask("0:1"), 8, 2)
    with pytest.raises(
        InterventionError, match=r"2 of 4 experts in group 1 \(4-7\), but this router chooses 1 of its 2"
    ):
        biased.check(parse_mask("0:4,0:5"), 8, 3)
    with pytest.raises(InterventionError, match=r"1 of 4 experts in group 1 \(4-7\), which could not be chosen either"):
        biased.check(parse_mask("0:4,0:5,0:7"), 8, 2)
    biased.check(parse_mask("0:4-7"), 8, 2)


def test_drop_keeps_the_choice_and_silences_the_expert() -> None:
    """The dropped expert stays chosen with weight 0; the others' weights do not move."""
    before, after = steered(Intervention()), steered(parse_mask("0:0", "drop"))
    assert torch.equal(before.ids, after.ids)
    assert after.weights[0, 0] == 0
    assert torch.equal(before.weights[:, 1], after.weights[:, 1])


def test_boost_multiplies_one_weight() -> None:
    """A factor of 2 doubles the gate weight where the expert is chosen."""
    before, after = steered(Intervention()), steered(Intervention(boost={(0, 3): 2.0}))
    np.testing.assert_allclose(after.weights[1, 0], 2 * before.weights[1, 0])
    assert torch.equal(before.weights[0], after.weights[0])


def test_a_masked_expert_serves_no_token_and_no_op_masks_change_no_bit(olmoe: LoadedModel) -> None:
    """Re-routed experts vanish from every count; re-routing one that nobody uses leaves the scores bit-identical."""
    quiz = quiz_of(shared=5)
    plain, prefixes = asked(olmoe, quiz)
    used = plain[0].answer.experts[1]
    masked, masked_prefixes = asked(olmoe, quiz, intervention=Intervention(reroute=frozenset({(1, int(used[0]))})))
    for record in (*masked.values(), *masked_prefixes.values()):
        assert record.routing.sums.token_count[1, used[0]] == 0
    assert not np.array_equal(masked[0].answer.choice_logprobs, plain[0].answer.choice_logprobs)
    counts = sum(record.routing.sums.token_count for record in (*plain.values(), *prefixes.values()))
    neutral = Intervention(boost={(0, int(np.argmax(counts[0]))): 1.0})
    same, _ = asked(olmoe, quiz, intervention=neutral)
    for question, record in plain.items():
        assert record.answer.choice_logprobs.tobytes() == same[question].answer.choice_logprobs.tobytes()


@pytest.mark.parametrize("text", ["3", "a:b", "1:2:3:4", "-1:0", "0:1;2"])
def test_a_mask_that_is_no_mask_is_refused(text: str) -> None:
    """The sentence names the part that is wrong."""
    with pytest.raises(InterventionError, match="LAYER:EXPERT"):
        parse_mask(text)


def test_a_mask_must_fit_the_model() -> None:
    """Unknown experts and layers with too few experts left are named with their numbers."""
    with pytest.raises(InterventionError, match="Expert 9:0 does not exist: this model has experts 0-3 in layers 0-1"):
        parse_mask("9:0").check(range(2), 4, 2)
    with pytest.raises(InterventionError, match="Layer 1 would keep 1 of 4 experts"):
        parse_mask("1:0,1:1,1:2").check(range(2), 4, 2)
    parse_mask("1:0,1:1,0:3").check(range(2), 4, 2)


def test_json_round_trip() -> None:
    """What is saved is what is loaded; JSON that is none is refused in one sentence."""
    made = Intervention("mine", frozenset({(0, 1)}), frozenset({(1, 2)}), {(1, 3): 1.5})
    assert Intervention.from_json(made.to_json()) == made
    for bad in ('{"reroute": [[0]]}', '{"reroute": [[0.5, 1]]}', "[1]", "{", '{"masks": []}'):
        with pytest.raises(InterventionError):
            Intervention.parse(bad)
