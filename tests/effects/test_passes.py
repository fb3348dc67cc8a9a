"""Closing one expert in a clean pass equals the whole model's run with it masked; predictions agree with both."""

import weakref
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from moe_core.effects.budget import Budget, n_few_tokens, pair_costs
from moe_core.effects.draft import EffectDraft
from moe_core.effects.part import Prediction
from moe_core.effects.passes import passes_here, question_chunk
from moe_core.effects.passes.clean_pass import CleanPass, clean_pass
from moe_core.effects.passes.closed_experts import ClosedExperts, closed_experts
from moe_core.effects.passes.closing_check import check_closing
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.question_alone import QuestionAlone
from moe_core.effects.passes.question_chunk import QuestionChunk, few_tokens
from moe_core.effects.passes.replay_check import check_replay
from moe_core.effects.passes.reruns import exact_margins
from moe_core.effects.passes.rows import Rows, batches_of
from moe_core.effects.recipe import predict
from moe_core.errors import EffectError
from moe_core.interventions.intervention import Expert, Intervention
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.kept.layer_tail import stream_of
from moe_core.models.inference.planning.batches import BatchRan, Prompts
from moe_core.models.loading.building import LoadedModel
from tests.models.inference.test_forward_passes import loaded, quiz_of
from tests.tiny_models import build_tiny

QUIZ = quiz_of(shared=6)
N = len(QUIZ.questions)
GOLD = np.array([question.gold for question in QUIZ.questions])
EXPERTS: list[Expert] = [(0, 3), (1, 7), (2, 0)]


@pytest.fixture(scope="module", params=["olmoe", "mixtral", "qwen2_moe"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_olmoe: Path) -> LoadedModel:
    """Gates divided by their sum or not, a dense layer between, a shared expert."""
    if request.param == "olmoe":
        return loaded(tiny_olmoe)
    return loaded(build_tiny(tmp_path_factory.mktemp("models") / request.param, request.param))


@pytest.fixture
def decoder(model: LoadedModel) -> Decoder:
    """The model, to be run from its layers on."""
    return Decoder(model)


def shape_of(model: LoadedModel) -> tuple[int, int]:
    """MoE layers, and experts of each."""
    return len(model.routers), model.specification.n_experts


def passes(decoder: Decoder, *, checkpoints: bool = False, batch_tokens: int = 100) -> list[CleanPass]:
    """Clean passes over the quiz, in several batches with padding."""
    batches = batches_of(QUIZ, range(N), batch_tokens, torch.device("cpu"))
    return [clean_pass(decoder, rows, checkpoints=checkpoints) for rows in batches]


def gold_logprobs(model: LoadedModel, intervention: Intervention) -> np.ndarray:
    """What a run of the whole model gives the right answers [N]."""
    found = np.zeros(N)
    for batch in ask(model, Prompts(QUIZ, range(N), [], 100, keep_tokens=False, intervention=intervention)):
        assert isinstance(batch, BatchRan)
        for record in batch.questions:
            found[record.question] = record.answer.choice_logprobs[GOLD[record.question]]
    return found


@cache
def whole_effects(model: LoadedModel, effect: str, expert: Expert) -> np.ndarray:
    """The effect of one expert on every question [N], by two runs of the whole model."""
    masked = Intervention(**{effect: frozenset({expert})})
    return gold_logprobs(model, masked) - gold_logprobs(model, Intervention())


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_exact_runs_equal_a_what_if(model: LoadedModel, decoder: Decoder, effect: str) -> None:
    """The measured effect of an expert is that of a full what-if, question by question."""
    chunk = QuestionChunk(decoder, passes(decoder), effect, 100)
    largest = 0.0
    for layer, expert in [(layer, expert) for layer, expert in EXPERTS if layer < len(model.routers)]:
        wanted = np.zeros(chunk.shape, bool)
        wanted[:, layer, expert] = True
        found = np.zeros(N)
        for ran in chunk.run(wanted, "exact"):
            found[np.array(chunk.questions)[ran.pairs[:, 0]]] = ran.effects
        true = whole_effects(model, effect, (model.routers[layer].layer, expert))
        np.testing.assert_allclose(found, true, atol=2e-5)
        largest = max(largest, float(np.abs(true).max()))
    assert largest > 1e-3


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_sparse_run_of_all_tokens_is_exact(decoder: Decoder, effect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every token chosen, a sparse re-run gives what running everything gives; with few, it comes close."""
    chunk = QuestionChunk(decoder, passes(decoder), effect, 100)
    wanted = np.zeros(chunk.shape, bool)
    wanted[:, 0, :4] = True
    exact, sparse = (np.concatenate([ran.effects for ran in chunk.run(wanted, how)]) for how in ("exact", "sparse"))
    assert np.corrcoef(exact, sparse)[0, 1] > 0.9
    monkeypatch.setattr(question_chunk, "n_few_tokens", lambda length: length)
    everything = np.concatenate([ran.effects for ran in chunk.run(wanted, "sparse")])
    np.testing.assert_allclose(everything, exact, atol=2e-5)


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_first_order_is_the_gradient_along_the_change(decoder: Decoder, effect: str) -> None:
    """All experts at once come to the sum over tokens of gradient times change, each change computed on its own."""
    clean = passes(decoder, batch_tokens=10_000)[0]
    closed = ClosedExperts(decoder, 1, clean.layers[1], effect)
    rows = torch.arange(N).repeat_interleave(closed.E)
    experts = torch.arange(closed.E).repeat(N)
    gradient = clean.layers[1].gradient[rows]
    with torch.no_grad():
        deltas, first = closed.deltas(rows, experts), closed.first_order()
    change = (gradient * deltas).sum((1, 2)).view(N, -1)
    bound = (gradient.norm(dim=-1) * deltas.norm(dim=-1)).sum(1).view(N, -1)
    real = clean.rows.lengths[:, None] > 0
    torch.testing.assert_close(first.change * real, change, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(first.bound * real, bound, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_blocks_that_run_as_a_whole_give_the_same(decoder: Decoder, effect: str) -> None:
    """Of a router that divides by the sum: first order, and the change of every token that chose an expert."""
    if effect == "reroute" and decoder.way.touches_all:
        pytest.skip("closing an expert changes other tokens too")
    found = []
    for asks_block in decoder.ways_to_ask:
        decoder.way = decoder.untried(asks_block=asks_block)
        clean = passes(decoder, batch_tokens=10_000)[0]
        closed = closed_experts(decoder, 0, clean.layers[0], effect)
        rows = torch.arange(N).repeat_interleave(closed.E)
        with torch.no_grad():
            found.append((closed.deltas(rows, torch.arange(closed.E).repeat(N)), closed.first_order()))
    (deltas, first), (of_blocks, first_of_blocks) = found
    assert deltas.abs().max() > 1e-3
    torch.testing.assert_close(of_blocks, deltas, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(first_of_blocks.change, first.change, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(first_of_blocks.bound, first.bound, atol=1e-5, rtol=1e-4)


def test_gradients_are_those_of_the_margin(decoder: Decoder) -> None:
    """A small step of the last experts' output moves the margin as its gradient says: no router behind it can turn."""
    clean = passes(decoder, batch_tokens=10_000)[0]
    last = clean.layers[-1]
    step = 1e-2 * torch.randn(last.output.shape, generator=torch.Generator().manual_seed(1))
    rows = torch.arange(len(step))
    moved = [exact_margins(decoder, clean, len(clean.layers) - 1, rows, sign * step).detach() for sign in (1, -1)]
    expected = (last.gradient * step).sum((1, 2))
    torch.testing.assert_close((moved[0] - moved[1]) / 2, expected, atol=2e-4, rtol=1e-2)


def test_checkpoints_change_nothing(decoder: Decoder) -> None:
    """Margins, gradients, keys and values are the same where layers are run again for their gradients."""
    for plain, again in zip(passes(decoder), passes(decoder, checkpoints=True), strict=True):
        torch.testing.assert_close(again.margins, plain.margins)
        for one, other in zip(plain.layers, again.layers, strict=True):
            torch.testing.assert_close(other.gradient, one.gradient)
            torch.testing.assert_close(stream_of(other.handed), stream_of(one.handed))
        for name in ("keys", "values"):
            for one, other in zip(getattr(plain, name), getattr(again, name), strict=True):
                torch.testing.assert_close(other, one)


def test_margins_are_log_odds(model: LoadedModel, decoder: Decoder) -> None:
    """The sigmoid of a margin is the probability of the right answer that a recording finds."""
    margins = np.zeros(N)
    for clean in passes(decoder):
        margins[list(clean.rows.questions)] = clean.margins.numpy()
    np.testing.assert_allclose(-np.log1p(np.exp(-margins)), gold_logprobs(model, Intervention()), atol=1e-5)


def test_few_tokens() -> None:
    """Half are those that change most, half the most important later ones; the last is always there, in order."""
    own = torch.tensor([[0.0, 5.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]])
    later = torch.tensor([[9.0, 0.0, 3.0, 0.0, 1.0, 2.0, 0.0, 9.0]])
    chosen = few_tokens(own, later, torch.tensor([6]), 4)
    assert chosen.tolist() == [[1, 2, 3, 5, 6]]


def test_how_many_tokens() -> None:
    """A quarter of a prompt, at least 10 and at most 16."""
    assert [n_few_tokens(length) for length in (5, 40, 48, 200)] == [10, 10, 12, 16]


def test_nothing_of_the_model_changes(model: LoadedModel, decoder: Decoder) -> None:
    """After clean passes and re-runs the model answers as before."""
    before = gold_logprobs(model, Intervention())
    chunk = QuestionChunk(decoder, passes(decoder, checkpoints=True), "reroute", 100)
    list(chunk.run(np.ones(chunk.shape, bool), "sparse"))
    np.testing.assert_array_equal(gold_logprobs(model, Intervention()), before)


def test_a_layer_that_scales_what_it_adds_runs_again(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that halve what they add to the stream run again themselves: behind them alone effects would be wrong."""
    rows = next(batches_of(QUIZ, [0], 1, torch.device("cpu")))
    check_replay(decoder, rows)
    assert decoder.way.again == "behind"
    layer = decoder.layers[decoder.routers[0].layer]
    inner = layer.forward
    monkeypatch.setattr(
        layer, "forward", lambda hidden, *args, **kw: hidden + (inner(hidden, *args, **kw) - hidden) / 2
    )
    check_replay(decoder, rows)
    assert decoder.way.again == "layer"
    check_closing(decoder, rows, "reroute")


def test_a_model_that_never_answers_alike_is_refused(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no way gives what running everything gives, there is no map."""
    rows = next(batches_of(QUIZ, [0], 1, torch.device("cpu")))
    layer, draw = decoder.layers[-1], torch.Generator().manual_seed(3)
    inner = layer.forward

    def moody(hidden: torch.Tensor, *args: object, **keywords: object) -> torch.Tensor:
        added: torch.Tensor = inner(hidden, *args, **keywords)
        return added + torch.randn(hidden.shape[-1], generator=draw)

    monkeypatch.setattr(layer, "forward", moody)
    with pytest.raises(EffectError, match="gives other answers"):
        check_replay(decoder, rows)


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_tokens_add_up_to_what_the_recipe_predicts(model: LoadedModel, decoder: Decoder, effect: str) -> None:
    """For every expert the terms of the tokens sum to the recipe's prediction before any re-run: the last layer's
    exactly; a token that did not choose a dropped expert adds nothing."""
    for question in (0, 3):
        rows = next(batches_of(QUIZ, [question], 1, torch.device("cpu")))
        clean = clean_pass(decoder, rows)
        chunk, draft = QuestionChunk(decoder, [clean], effect, 100), EffectDraft.empty((1, *shape_of(model)))
        alone = QuestionAlone(decoder, clean, effect, 100)
        costs = pair_costs(chunk.lengths, list(map(decoder.first_again, range(len(model.routers)))), decoder.n_layers)
        assert list(predict(chunk, draft, costs, Budget(0.0, 0.0, 0.0), 0)) != []  # the last layer's exact runs
        last = len(model.routers) - 1
        for place, expert in np.ndindex(shape_of(model)):
            terms = alone.predicted(alone.closed((place, expert)))
            assert terms.shape == (int(rows.lengths[0]),)
            np.testing.assert_allclose(terms.sum(), draft.effects[0, place, expert], atol=1e-5)
            is_chosen = (clean.layers[place].ids[0] == expert).any(-1).numpy()
            if effect == "drop":
                assert not terms[~is_chosen].any()
            if place == last:
                assert not terms[:-1].any()
        assert np.abs(draft.effects[0]).max() > 1e-3


def test_terms_are_what_autograd_finds_in_the_whole_model(model: LoadedModel, decoder: Decoder) -> None:
    """Each token's dropped contribution scaled by a factor of its own: the margin's derivatives by these factors."""
    rows = next(batches_of(QUIZ, [2], 1, torch.device("cpu")))
    clean = clean_pass(decoder, rows)
    alone, router = QuestionAlone(decoder, clean, "drop", 100), model.routers[0]
    expert = int(clean.layers[0].ids.mode().values.flatten()[0])
    factors = torch.ones(int(rows.lengths[0]), requires_grad=True)

    def scaled(_experts: nn.Module, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden, ids, weights = arguments
        return hidden, ids, torch.where(ids == expert, factors[:, None] * weights, weights)

    handle = router.experts.register_forward_pre_hook(scaled)
    try:
        logits = model.model(input_ids=rows.ids, use_cache=False).logits[0, -1].float()
    finally:
        handle.remove()
    logprob = logits.log_softmax(-1)[rows.gold[0]]
    margin = logprob - torch.log1p(-logprob.exp())
    (slope,) = torch.autograd.grad(margin, factors)
    along = -slope.double()  # to first order, for each factor going from 1 to 0
    change = torch.nn.functional.logsigmoid(margin.double() + along.sum()) - torch.nn.functional.logsigmoid(
        margin.double()
    )
    terms = alone.predicted(alone.closed((0, expert)))
    np.testing.assert_allclose(terms, (along * change / along.sum()).detach().numpy(), atol=2e-5, rtol=1e-3)
    assert np.abs(terms).max() > 1e-4


def logprob_with_hook(model: LoadedModel, rows: Rows, hooked: dict[nn.Module, Any] | None = None) -> float:
    """The right answer's log-probability in transformers' own pass, what these gates return being changed."""
    handles = [gate.register_forward_hook(hook) for gate, hook in (hooked or {}).items()]
    try:
        with torch.no_grad():
            logits = model.model(input_ids=rows.ids, use_cache=False).logits[0, -1].float()
    finally:
        for handle in handles:
            handle.remove()
    return float(logits.log_softmax(-1)[rows.gold[0]])


def masked_at(tokens: list[int], expert: int, effect: str) -> Any:
    """A hook after a gate, by other means than the model's router run again: one expert does not work at `tokens`."""

    def hook(_gate: nn.Module, _arguments: object, output: Any) -> Any:
        logits, weights, ids = (values.clone() for values in output)
        if effect == "drop":
            weights[tokens] *= ids[tokens] != expert
            return logits, weights, ids
        left = logits[tokens].float()
        left[:, expert] = -torch.inf
        values, chosen = left.softmax(-1).topk(ids.shape[-1])
        if torch.allclose(weights.sum(-1), torch.ones(())):  # this model's weights sum to 1
            values = values / values.sum(-1, keepdim=True)
        ids[tokens], weights[tokens] = chosen, values.to(weights.dtype)
        return logits, weights, ids

    return hook


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_measured_tokens_are_those_of_a_hook_at_one_position(model: LoadedModel, decoder: Decoder, effect: str) -> None:
    """Masking an expert at one token is what a hook on transformers' own pass does there, and masking it at all of
    them the map's effect; behind the last layer nothing but the last token moves the answer."""
    rows = next(batches_of(QUIZ, [2], 1, torch.device("cpu")))
    clean, T = clean_pass(decoder, rows), int(rows.lengths[0])
    alone, baseline, largest = QuestionAlone(decoder, clean, effect, 5 * T), logprob_with_hook(model, rows), 0.0
    for place, router in enumerate(model.routers):
        expert = int(clean.layers[place].ids.flatten().mode().values)
        closed = alone.closed((place, expert))
        *at_tokens, whole = np.concatenate(list(alone.measured(closed)))
        assert len(at_tokens) + 1 == closed.n_runs
        found = np.zeros(T)
        found[closed.tokens.numpy()] = at_tokens
        of_runs = [[token] for token in range(T)] + [list(range(T))]
        true = [logprob_with_hook(model, rows, {router.gate: masked_at(at, expert, effect)}) for at in of_runs]
        np.testing.assert_allclose([*found, whole], np.array(true) - baseline, atol=1e-5)
        assert whole == pytest.approx(whole_effects(model, effect, (router.layer, expert))[2], abs=2e-5)
        is_chosen = (clean.layers[place].ids[0] == expert).any(-1).numpy()
        if effect == "drop" or model.specification.normalised:
            assert not found[~is_chosen].any()
        if place == len(model.routers) - 1:
            assert not found[:-1].any()
        largest = max(largest, float(np.abs(found[:-1]).max()))
    assert largest > 1e-4


def test_nothing_of_a_part_is_held_when_the_next_one_begins(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room of a GPU is reckoned for the clean passes of one part, not of two."""
    chunks: list[weakref.ref[QuestionChunk]] = []
    n_passes = []

    def chunk(*arguments: Any) -> QuestionChunk:
        made = QuestionChunk(*arguments)
        chunks.append(weakref.ref(made))
        return made

    def one_pass(*arguments: Any, **keywords: Any) -> CleanPass:
        assert all(reference() is None for reference in chunks)
        n_passes.append(1)
        return clean_pass(*arguments, **keywords)

    monkeypatch.setattr(passes_here, "QuestionChunk", chunk)
    monkeypatch.setattr(passes_here, "clean_pass", one_pass)
    here = passes_here.PassesHere(model, QUIZ, "drop")
    parts = [[0], [1], [2]]
    how = Prediction(Budget(0.5, 0.5, 0.1), 3.0, 0)
    for event in here.predict(parts, how):
        del event
    assert len(chunks) == len(n_passes) == len(parts)
