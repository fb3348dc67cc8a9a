"""A re-run from what earlier runs left gives the same numbers as one of all layers, bit for bit."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.kept.kept_passes import KeptPasses, keep_passes
from moe_core.models.inference.planning.batches import BatchRan, Prompts, plan_batches
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from tests.models.inference.test_device_failures import OUT_OF_MEMORY, FailingForward
from tests.models.inference.test_forward_passes import loaded, quiz_of
from tests.tiny_models import build_tiny

PLENTY = 10**9


@pytest.fixture(scope="module", params=["olmoe", "qwen2_moe"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """Experts in each of three layers, and a dense layer between two of them."""
    return loaded(build_tiny(tmp_path_factory.mktemp("models") / request.param, request.param))


def kept_of(model: LoadedModel, quiz: TokenisedQuiz, budget: int = PLENTY, plan: int = 2) -> KeptPasses:
    """Room for what runs over all of a quiz leave."""
    return keep_passes(model, quiz, plan_batches(quiz, range(7), 200, "cpu", plan), budget)


def records(
    model: LoadedModel,
    quiz: TokenisedQuiz,
    intervention: Intervention,
    kept: KeptPasses | None = None,
    *,
    keep_tokens: bool = True,
    plan: int = 2,
) -> list[Any]:
    """All records of all questions and prefixes, in order."""
    every = range(7), range(len(quiz.prefixes))
    prompts = Prompts(quiz, *every, 200, keep_tokens=keep_tokens, intervention=intervention, batch_plan=plan)
    batches = ask(model, prompts, kept)
    return [record for batch in batches if isinstance(batch, BatchRan) for record in batch.records]


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last bit, whatever is in it."""
    if is_dataclass(one):
        for item in fields(one):
            assert_same(getattr(one, item.name), getattr(other, item.name))
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    else:
        assert one == other


@contextmanager
def layers_run(model: LoadedModel) -> Iterator[set[int]]:
    """The MoE layers that run while this is open."""
    ran: set[int] = set()
    with ExitStack() as hooks:
        for number, router in enumerate(model.routers):
            handle = router.gate.register_forward_hook(lambda *_, number=number: ran.add(number))
            hooks.callback(handle.remove)
        yield ran


def masks_of(model: LoadedModel) -> list[Intervention]:
    """In the last MoE layer, in the one before, in the first and the last, and none at all."""
    first, *_, before, last = (model.routers[place].layer for place in (0, -2, -1))
    return [parse_mask(text) for text in (f"{last}:3,{last}:5", f"{before}:2", f"{first}:1,{last}:4", "")]


@pytest.mark.parametrize("shared", [3, 40])
@pytest.mark.parametrize("plan", [1, 2])
def test_it_is_the_same_to_the_last_bit(model: LoadedModel, plan: int, shared: int) -> None:
    """Whatever was asked before; behind a prefix, as whole prompts, with every token's routing."""
    quiz, masks = quiz_of(shared=shared), masks_of(model)
    truth = [records(model, quiz, mask, plan=plan) for mask in masks]
    kept = kept_of(model, quiz, plan=plan)
    assert kept.at == (1, 2)
    for number in (1, 0, 2, 3, 0, 1):
        assert_same(records(model, quiz, masks[number], kept, plan=plan), truth[number])
    with layers_run(model) as ran:
        records(model, quiz, masks[0], kept, plan=plan)
    assert ran == {len(model.routers) - 1}


def test_what_a_run_takes_is_told_by_its_first_layer(model: LoadedModel) -> None:
    """Of all layers, once streams are there; without a mask by those that are, which grow with the runs."""
    quiz = quiz_of(shared=3)
    kept = kept_of(model, quiz)
    n_layers, last = kept.n_layers, max(kept.at)
    assert [kept.share(first) for first in (None, 0, last)] == [1, 1, pytest.approx(1 - last / n_layers)]
    records(model, quiz, masks_of(model)[0], kept)
    assert kept.share(None) == pytest.approx(1 - last / n_layers)
    assert kept_of(model, quiz, budget=0).share(last) == 1


def test_what_is_not_kept_is_run(model: LoadedModel) -> None:
    """By a small budget, for tokens that were not asked for before, and where a value was not finite."""
    quiz, [last, *_] = quiz_of(shared=3), masks_of(model)
    every = set(range(len(model.routers)))
    assert kept_of(model, quiz, budget=0).at == ()
    assert "No residual stream is kept" in kept_of(model, quiz, budget=0).text
    slim = kept_of(model, quiz)
    for keep_tokens, ran_before in ((False, every), (False, {max(every)}), (True, every), (True, {max(every)})):
        with layers_run(model) as ran:
            records(model, quiz, last, slim, keep_tokens=keep_tokens)
        assert ran == ran_before
    one_layer = kept_of(model, quiz, budget=kept_of(model, quiz).n_bytes // 2)
    assert one_layer.at == (2,)
    assert "before layer 2 is kept" in one_layer.text


def test_a_pass_with_a_value_that_is_not_finite_is_run_again(model: LoadedModel) -> None:
    """Since what is not finite may come from the layers that were acted on."""
    quiz, [last, *_] = quiz_of(shared=0), masks_of(model)
    embeddings = model.model.get_input_embeddings().weight
    token = int(quiz.segments[5][0])
    before = embeddings.data[token].clone()
    try:
        embeddings.data[token] = torch.nan
        truth, kept = records(model, quiz, last), kept_of(model, quiz)
        for _ in range(2):
            assert_same(records(model, quiz, last, kept), truth)
    finally:
        embeddings.data[token] = before


def test_a_model_that_cannot_be_run_from_the_middle_is_run_as_a_whole(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its layers return more than their output: nothing is kept, which is said, and what-ifs run all the same."""
    layers, quiz, [last, *_] = model.model.model.layers, quiz_of(shared=3), masks_of(model)
    truth = records(model, quiz, last)
    inner = layers[1].forward
    with monkeypatch.context() as patch:
        patch.setattr(layers[1], "forward", lambda *args, **kwargs: (inner(*args, **kwargs), None))
        kept = kept_of(replace(model, model=copy.copy(model.model)), quiz)  # the model itself was tried before
    assert kept.at == ()
    assert_same(records(model, quiz, last, kept), truth)


def test_without_memory_what_is_kept_goes_first(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any batch is halved; the run goes on as a whole one, and keeps nothing more."""
    quiz, [last, *_] = quiz_of(shared=3), masks_of(model)
    truth, kept = records(model, quiz, last), kept_of(model, quiz)
    records(model, quiz, last, kept)
    forward = FailingForward(model.model, OUT_OF_MEMORY[0], lambda number, _: number == 1)
    monkeypatch.setattr(model.model.base_model, "forward", forward)
    assert_same(records(model, quiz, last, kept), truth)
    assert kept.at == ()
