"""A mask at the answer alone: held against hooks that act on the last token of a plain, whole pass."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moe_core.errors import InterventionError, RunError
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from moe_core.models.inference import answer_alone
from moe_core.models.loading.building import LoadedModel
from moe_core.traces.records import PrefixRecord, QuestionRecord
from tests.models.inference.kept.test_kept_passes import kept_of, model, records
from tests.models.inference.test_forward_passes import loaded, quiz_of
from tests.tiny_models import build_tiny

__all__ = ["model"]  # the fixture


def at_answer(mask: Intervention) -> Intervention:
    """The same, at the answer alone."""
    return replace(mask, at_answer=True)


MASKS = [
    at_answer(act_on([(0, 3), (2, 2)], "reroute")),
    at_answer(act_on([(0, 3), (2, 0), (2, 1)], "drop")),
    at_answer(act_on([(0, 1), (0, 2)], "boost", factor=3.0)),
]
"""In layers that both models have experts in."""


def own_logits(model: LoadedModel, ids: np.ndarray[Any, Any], mask: Intervention) -> torch.Tensor:
    """The logits [V] behind one prompt where only the last token's experts are changed, by other means than a watch."""
    with ExitStack() as hooks, torch.inference_mode():
        for router in model.routers:
            handle = router.gate.register_forward_hook(_last_token_of(router.layer, router, mask))
            hooks.callback(handle.remove)
        return model.model(input_ids=torch.from_numpy(ids).long()[None], use_cache=False).logits[0, -1]


def _last_token_of(layer: int, router: Any, mask: Intervention) -> Any:
    closed = [expert for at, expert in mask.reroute if at == layer]
    factors = {expert: factor for (at, expert), factor in mask.boost.items() if at == layer}
    factors |= {expert: 0.0 for at, expert in mask.drop if at == layer}

    def hook(gate: Any, args: Any, output: Any) -> Any:
        logits, weights, ids = (values.clone() for values in output)
        open_logits = logits[-1].clone()
        open_logits[closed] = -torch.inf
        probs = open_logits.float().softmax(-1)
        values, chosen = probs.topk(ids.shape[-1])
        if torch.allclose(weights.sum(-1), torch.ones(())):  # this model's weights sum to 1
            values = values / values.sum()
        ids[-1], weights[-1] = chosen, values.to(weights.dtype)
        for place, expert in enumerate(chosen.tolist()):
            weights[-1, place] *= factors.get(expert, 1.0)
        return logits, weights, ids

    return hook


@pytest.mark.parametrize("shared", [0, 3, 40])
@pytest.mark.parametrize("mask", MASKS, ids=lambda mask: mask.effect)
def test_only_the_last_token_is_acted_on(model: LoadedModel, mask: Intervention, shared: int) -> None:
    """Choice log-probabilities equal those of hooks on transformers' own pass, whole or behind prefixes."""
    quiz = quiz_of(shared=shared)
    for record in records(model, quiz, mask):
        if isinstance(record, QuestionRecord):
            truth = own_logits(model, quiz.prompt_ids(record.question), mask).log_softmax(-1)
            targets = quiz.target_ids[record.question]
            expected = truth[torch.from_numpy(targets[targets >= 0]).long()].numpy()
            np.testing.assert_allclose(record.answer.choice_logprobs[targets >= 0], expected, atol=1e-5)


@pytest.mark.parametrize("shared", [0, 3])
def test_a_prompt_may_be_the_answer_s_token_alone(model: LoadedModel, shared: int) -> None:
    """Nothing stands before it, or its prefix alone; other rows of its batch have more tokens."""
    whole = quiz_of(shared=shared)
    quiz = replace(whole, segments=(whole.segments[0][:1], *whole.segments[1:-1], whole.segments[-1][:1]))
    found = [record for record in records(model, quiz, MASKS[0], plan=1) if isinstance(record, QuestionRecord)]
    assert len(found) == 7
    for record in found:
        truth = own_logits(model, quiz.prompt_ids(record.question), MASKS[0]).log_softmax(-1)
        expected = truth[torch.from_numpy(quiz.target_ids[record.question]).long()].numpy()
        np.testing.assert_allclose(record.answer.choice_logprobs, expected, atol=1e-5)


def test_windows_of_attention_see_what_they_would(tmp_path: Path) -> None:
    """Prompts far longer than a window, of unlike lengths: as in one pass."""
    windowed = loaded(build_tiny(tmp_path / "mixtral", "mixtral", sliding_window=4))
    quiz, mask = quiz_of(shared=20), at_answer(act_on([(0, 1)], "drop"))
    for record in records(windowed, quiz, mask):
        if isinstance(record, QuestionRecord):
            truth = own_logits(windowed, quiz.prompt_ids(record.question), mask).log_softmax(-1)
            targets = quiz.target_ids[record.question]
            expected = truth[torch.from_numpy(targets[targets >= 0]).long()].numpy()
            np.testing.assert_allclose(record.answer.choice_logprobs[targets >= 0], expected, atol=1e-5)


@pytest.mark.parametrize("at_answer_first", [True, False])
def test_windows_do_not_mind_what_was_run_before(tmp_path: Path, *, at_answer_first: bool) -> None:
    """Runs at all tokens keep a window of a prefix, those at the answer all of it: neither takes the other's."""
    windowed = loaded(build_tiny(tmp_path / "mixtral", "mixtral", sliding_window=8))
    quiz = quiz_of(shared=40)
    masks = [MASKS[0], parse_mask("2:1")] if at_answer_first else [parse_mask("2:1"), MASKS[0]]
    kept = kept_of(windowed, quiz)
    for mask in masks:
        truth = {r.question: r for r in records(windowed, quiz, mask, plan=1) if isinstance(r, QuestionRecord)}
        for record in records(windowed, quiz, mask, kept, plan=1):
            if isinstance(record, QuestionRecord):
                expected = truth[record.question].answer.choice_logprobs
                np.testing.assert_array_equal(record.answer.choice_logprobs, expected)


@pytest.mark.parametrize("shared", [0, 3, 40])
def test_the_tokens_before_are_routed_as_without(model: LoadedModel, shared: int) -> None:
    """Their experts are those of a baseline; the answer's token avoids what is closed; sums count both."""
    quiz, mask = quiz_of(shared=shared), MASKS[0]
    clean, masked = records(model, quiz, Intervention()), records(model, quiz, mask)
    for before, after in zip(clean, masked, strict=True):
        was, now = before.routing.tokens, after.routing.tokens
        if isinstance(after, PrefixRecord):
            np.testing.assert_array_equal(now.experts, was.experts)
            continue
        np.testing.assert_array_equal(now.experts[:-1], was.experts[:-1])
        np.testing.assert_array_equal(now.experts[-1], after.answer.experts)
        assert not np.isin([3], now.experts[-1, 0])
        assert not np.isin([2], now.experts[-1, -1])
        n_experts = after.routing.sums.token_count.shape[1]
        counted = np.stack([np.bincount(layer.ravel(), minlength=n_experts) for layer in now.experts.swapaxes(0, 1)])
        np.testing.assert_array_equal(after.routing.sums.token_count, counted)
        shares = now.weights.astype(float) / now.weights.astype(float).sum(-1, keepdims=True)
        entropy = -(shares * np.log(shares)).sum((0, 2))
        np.testing.assert_allclose(after.routing.sums.topk_entropy_sum, entropy, rtol=2e-3, atol=2e-3)


def test_without_experts_it_is_a_baseline(model: LoadedModel) -> None:
    """Two passes give what one does, but for rounding, in every sum."""
    quiz = quiz_of(shared=3)
    for before, after in zip(
        records(model, quiz, Intervention()), records(model, quiz, Intervention(at_answer=True)), strict=True
    ):
        for item in fields(before.routing.sums):
            np.testing.assert_allclose(
                getattr(after.routing.sums, item.name), getattr(before.routing.sums, item.name), rtol=2e-3, atol=1e-4
            )


class Counting:
    """How many tokens a model was given, padding included."""

    def __init__(self, model: LoadedModel) -> None:
        self.n_tokens = 0
        self._handle = model.model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, module: Any, args: Sequence[Any], keywords: dict[str, Any]) -> None:
        self.n_tokens += keywords["input_ids"].numel()

    def __enter__(self) -> "Counting":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()


@pytest.mark.parametrize("shared", [3, 40])
def test_kept_contexts_are_not_run_again(model: LoadedModel, shared: int) -> None:
    """A second mask costs one token a question, and gives what it gives when nothing is kept, to the last bit."""
    quiz = quiz_of(shared=shared)
    truth = [records(model, quiz, mask) for mask in MASKS]
    kept = kept_of(model, quiz)
    for mask, expected in zip(MASKS, truth, strict=True):
        found = [record for record in records(model, quiz, mask, kept) if isinstance(record, QuestionRecord)]
        wanted = [record for record in expected if isinstance(record, QuestionRecord)]
        for one, other in zip(found, wanted, strict=True):
            assert one.answer.choice_logprobs.tobytes() == other.answer.choice_logprobs.tobytes()
            assert one.routing.sums.token_count.tobytes() == other.routing.sums.token_count.tobytes()
    with Counting(model) as counting:
        records(model, quiz, MASKS[1], kept)
    assert counting.n_tokens == 7
    assert "prompts are kept" in kept.contexts.text


def test_what_does_not_fit_is_run_again(model: LoadedModel) -> None:
    """A budget of nothing keeps nothing, says so, and changes no number."""
    quiz = quiz_of(shared=3)
    kept = kept_of(model, quiz, budget=0)
    one, other = records(model, quiz, MASKS[0], kept), records(model, quiz, MASKS[0])
    assert [r.answer.choice_logprobs.tolist() for r in one if isinstance(r, QuestionRecord)] == [
        r.answer.choice_logprobs.tolist() for r in other if isinstance(r, QuestionRecord)
    ]
    assert kept.contexts.text.startswith("The keys and values of 0 of ")


def test_what_is_kept_without_tokens_is_run_for_them(model: LoadedModel) -> None:
    """As kept streams are."""
    quiz = quiz_of(shared=0)
    kept = kept_of(model, quiz)
    records(model, quiz, MASKS[0], kept, keep_tokens=False)
    [first, *_] = records(model, quiz, MASKS[0], kept)
    assert first.routing.tokens is not None


def test_layers_that_keep_only_a_window_are_refused(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts beyond it would be answered from what is left of them, silently."""
    quiz = quiz_of(shared=0)

    def windowed(cache: Any, *rest: Any) -> Any:
        cache.layers[0].keys = cache.layers[0].keys[:, :, 1:]
        return original(cache, *rest)

    original = answer_alone.context_of
    monkeypatch.setattr(answer_alone, "context_of", windowed)
    with pytest.raises(RunError, match="keeps only some"):
        records(model, quiz, MASKS[0])


def test_a_mask_names_its_place() -> None:
    """In its file, in words, and never joined with one that acts elsewhere."""
    mask = at_answer(parse_mask("0:1"))
    assert mask.to_json()["at"] == "answer"
    assert "at" not in parse_mask("0:1").to_json()
    assert Intervention.from_json(mask.to_json()) == mask
    assert mask.place == " at the answer alone"
    with pytest.raises(InterventionError, match="every token"):
        mask.union(parse_mask("1:1"))
    with pytest.raises(InterventionError):
        Intervention.from_json({"at": "end"})
    assert mask.union(Intervention()).at_answer


def test_neurons_are_switched_off_there_alone(model: LoadedModel) -> None:
    """All neurons of an expert off at the answer give what dropping it there gives, and other tokens keep theirs."""
    n_neurons = model.specification.abilities.neurons
    assert n_neurons
    quiz = quiz_of(shared=3)
    off = Intervention(neurons=frozenset((0, 3, neuron) for neuron in range(n_neurons)), at_answer=True)
    for one, other in zip(
        records(model, quiz, off), records(model, quiz, at_answer(act_on([(0, 3)], "drop"))), strict=True
    ):
        if isinstance(one, QuestionRecord):
            np.testing.assert_allclose(one.answer.choice_logprobs, other.answer.choice_logprobs, atol=1e-5)
