"""A model run from one of its layers on gives, bit for bit, what it gives as a whole."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from transformers import DynamicCache

from moe_core.errors import ModelError
from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.acting.steering import layer_steerings
from moe_core.models.inference.kept.layer_tail import (
    complete_cache,
    decoder_layers,
    each_changed,
    kept_streams,
    running_from,
    stream_of,
    tensors_of,
)
from moe_core.models.inference.watching.router_watch import RouterWatch
from moe_core.models.inference.watching.spans import Span, make_spans
from moe_core.models.loading.building import LoadedModel
from tests.models.inference.test_forward_passes import loaded
from tests.tiny_models import build_tiny

IDS = torch.randint(5, 40_000, (3, 11), generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module", params=["mixtral", "qwen2_moe"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A tiny model in memory: experts in every layer, and a dense layer between."""
    return loaded(build_tiny(tmp_path_factory.mktemp("models") / request.param, request.param))


def run(
    model: LoadedModel, intervention: Intervention, ids: torch.Tensor, cache: Any = None, *, place: int = 0
) -> torch.Tensor:
    """Logits [B, T, V] of one pass under the intervention; MoE layers before `place` are not waited for."""
    with torch.inference_mode(), watched(model, intervention, place, ids.shape) as watch:
        logits: torch.Tensor = model.model(input_ids=ids, past_key_values=cache, use_cache=cache is not None).logits
        assert sum(len(part.finite) for part in watch.layers()) == len(model.routers) - place
        return logits


@contextmanager
def watched(model: LoadedModel, intervention: Intervention, place: int, shape: torch.Size) -> Iterator[RouterWatch]:
    """The routers from `place` on, steered."""
    count = model.specification.n_experts
    steerings = layer_steerings(intervention, model.routers, count)
    watch = RouterWatch(model.routers[place:], "softmax", steerings[place:])
    with watch.attached(), watch.steering():
        watch.expect(make_spans([Span(row, 0, shape[1]) for row in range(shape[0])], [], torch.device("cpu"))[0])
        yield watch


def masked(model: LoadedModel, place: int) -> Intervention:
    """The three experts of a MoE layer closed that would change most."""
    return Intervention(reroute=frozenset((model.routers[place].layer, expert) for expert in range(3)))


@pytest.fixture
def last(model: LoadedModel) -> int:
    """The place of the last MoE layer among the MoE layers."""
    return len(model.routers) - 1


def test_tail_equals_the_whole(model: LoadedModel, last: int) -> None:
    """With an expert layer masked, running from that layer on is bit-identical to running everything."""
    layers = decoder_layers(model.model, model.routers)
    first = model.routers[last].layer
    whole = run(model, masked(model, last), IDS)
    with kept_streams(layers, [first]) as streams:
        clean = run(model, Intervention(), IDS)
    with running_from(layers, first, streams[first]):
        tail = run(model, masked(model, last), IDS, place=last)
    assert torch.equal(tail, whole)
    assert not torch.equal(tail, clean)


def test_tail_behind_a_prefix(model: LoadedModel, last: int) -> None:
    """A shared prefix run from a layer on, and the questions behind it too, equal both run as a whole."""
    layers = decoder_layers(model.model, model.routers)
    first = model.routers[last].layer
    prefix, own = IDS[:1, :5], IDS[:, 5:]

    def both(intervention: Intervention) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Any]:
        with kept_streams(layers, [first]) as of_prefix:
            cache = whole_prefix(model, intervention, prefix)
        held = copy.deepcopy(cache)
        cache.batch_repeat_interleave(len(own))
        with kept_streams(layers, [first]) as of_own:
            logits = run(model, intervention, own, cache)
        return logits, of_prefix[first], of_own[first], held

    whole, *_ = both(masked(model, last))
    _, prefix_stream, own_stream, clean = both(Intervention())
    cache = DynamicCache(config=model.model.config)
    with running_from(layers, first, prefix_stream):
        run(model, masked(model, last), prefix, cache, place=last)
    complete_cache(cache, clean, first)
    cache.batch_repeat_interleave(len(own))
    with running_from(layers, first, own_stream):
        tail = run(model, masked(model, last), own, cache, place=last)
    assert torch.equal(tail, whole)


def whole_prefix(model: LoadedModel, intervention: Intervention, prefix: torch.Tensor) -> Any:
    """The keys and values that a run of the prefix leaves."""
    with torch.inference_mode(), watched(model, intervention, 0, prefix.shape):
        return model.model(input_ids=prefix, use_cache=True).past_key_values


def test_nothing_but_the_head(model: LoadedModel) -> None:
    """Behind the last layer only the final norm and the head are left to run."""
    layers = decoder_layers(model.model, model.routers)
    with kept_streams(layers, [len(layers)]) as streams:
        whole = run(model, Intervention(), IDS)
    with torch.inference_mode(), running_from(layers, len(layers), streams[len(layers)]):
        assert torch.equal(model.model(input_ids=IDS, use_cache=False).logits, whole)


def test_model_is_as_before(model: LoadedModel) -> None:
    """Once the tail is closed, the model runs as a whole again, even where a pass failed inside."""
    layers = decoder_layers(model.model, model.routers)
    before = run(model, Intervention(), IDS)
    with pytest.raises(IndexError), running_from(layers, 2, torch.zeros(3, 11, 32)):
        model.model(input_ids=torch.full((3, 11), 10**7), use_cache=False)
    assert torch.equal(run(model, Intervention(), IDS), before)


def test_layers_that_return_more(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What layers hand on beside their stream is kept with it, and handed on again by those that are skipped."""
    layers, marks = decoder_layers(model.model, model.routers), torch.arange(len(IDS))
    inner = layers[0].forward
    monkeypatch.setattr(layers[0], "forward", lambda *args, **kwargs: (inner(*args, **kwargs), marks, None))
    with pytest.raises((TypeError, AttributeError)), kept_streams(layers, [1]) as streams:
        run(model, Intervention(), IDS)  # this decoder takes nothing but a stream
    with running_from(layers, 2, streams[1]):
        stream, others, nothing = layers[1](torch.zeros(1))
    assert torch.equal(stream, stream_of(streams[1]))
    assert torch.equal(others, marks)
    assert nothing is None
    rows = each_changed(streams[1], lambda part: part[:1])
    assert [len(part) for part in tensors_of(rows)] == [1, 1]


def test_layers_that_return_no_stream(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder whose layers return something else is refused, rather than run on what is no stream."""
    layers = decoder_layers(model.model, model.routers)
    inner = layers[0].forward
    monkeypatch.setattr(layers[0], "forward", lambda *args, **kwargs: {"stream": inner(*args, **kwargs)})
    with pytest.raises(ModelError, match="no stream"), kept_streams(layers, [1]):
        run(model, Intervention(), IDS)


def test_model_without_a_list_of_layers(model: LoadedModel) -> None:
    """A model whose routers are not in one list of layers is refused in one sentence."""
    with pytest.raises(ModelError, match="not one list"):
        decoder_layers(nn.ModuleList([nn.Linear(2, 2)]), model.routers)
