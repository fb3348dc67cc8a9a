"""Whole prompts with a cache that keeps nothing: the same numbers, and only for models that give them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from moe_core.interventions.intervention import Intervention, act_on
from moe_core.models.inference import asking
from moe_core.models.inference.unkept_cache import layers_to_pass_by, unkept_cache
from moe_core.models.loading.building import LoadedModel
from tests.models.inference.kept.test_kept_passes import assert_same, kept_of, model, records
from tests.models.inference.test_forward_passes import loaded, quiz_of
from tests.tiny_models import build_tiny

__all__ = ["model"]  # the fixture


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The caches of whole prompts that were made."""
    made: list[Any] = []

    def noted(n_layers: int) -> Any:
        made.append(unkept_cache(n_layers))
        return made[-1]

    monkeypatch.setattr(asking, "unkept_cache", noted)
    return made


MASKS = [Intervention(), act_on([(0, 3), (2, 2)], "reroute"), act_on([(2, 1)], "boost", factor=3.0)]


@pytest.mark.parametrize("mask", MASKS, ids=["none", "reroute", "boost"])
def test_numbers_are_those_without_any_cache(
    model: LoadedModel, mask: Intervention, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, from a kept layer on, too; and nothing is left in the cache."""
    quiz = quiz_of(shared=3)
    with_it = [records(model, quiz, mask), *(records(model, quiz, mask, kept) for kept in [kept_of(model, quiz)] * 2)]
    assert seen
    assert all(layer.keys is None for cache in seen for layer in cache.layers)
    monkeypatch.setattr(asking, "layers_to_pass_by", lambda _: 0)
    without = records(model, quiz, mask)
    for found in with_it:
        assert_same(found, without)


def test_windows_keep_their_own_way(tmp_path: Path, seen: list[Any]) -> None:
    """A cache of windows is none of plain keys and values."""
    windowed = loaded(build_tiny(tmp_path / "mixtral", "mixtral", sliding_window=4))
    assert layers_to_pass_by(windowed) == 0
    records(windowed, quiz_of(shared=0), Intervention())
    assert set(seen) == {None}


class _Refusing(torch.nn.Module):
    """A model that is not made for a cache that it did not make, and says so in its own way."""

    def __init__(self, model: Any, error: type[Exception]) -> None:
        super().__init__()
        self.model, self.error, self.device = model, error, model.device

    def forward(self, past_key_values: Any = None, **keywords: Any) -> Any:
        if past_key_values is not None:
            raise self.error
        return self.model(**keywords)


@pytest.mark.parametrize("error", [ValueError, AttributeError, AssertionError, NotImplementedError, KeyError])
def test_what_a_model_refuses_it_is_not_given(model: LoadedModel, error: type[Exception]) -> None:
    """Whatever it raises, its run goes on without."""
    assert layers_to_pass_by(replace(model, model=_Refusing(model.model, error))) == 0


def test_it_is_tried_once_and_leaves_random_numbers_alone(tmp_path: Path) -> None:
    """Three small passes for as long as a model is loaded, before anybody listens to its routers."""
    fresh = loaded(build_tiny(tmp_path / "olmoe"))
    sizes = list[int]()
    handle = fresh.model.register_forward_pre_hook(
        lambda module, args, keywords: sizes.append(keywords["input_ids"].numel()), with_kwargs=True
    )
    state = torch.random.get_rng_state()
    assert layers_to_pass_by(fresh) == layers_to_pass_by(fresh) == 3
    handle.remove()
    assert sizes == [12, 12, 12]
    assert torch.equal(torch.random.get_rng_state(), state)
