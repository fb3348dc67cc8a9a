"""One row's keys and values before many rows of a pass: read where they lie, and left as they were."""

import pytest
import torch

from moe_core.models.loading.building import LoadedModel
from moe_core.models.prefix_cache import behind, repeated
from tests.models.inference.test_forward_passes import loaded
from tests.tiny_models import build_tiny

PREFIX, ROWS = torch.tensor([[5, 9, 7, 12]]), torch.tensor([[11, 3, 8], [4, 6, 13], [5, 5, 2]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """With fewer heads for keys than for queries."""
    return loaded(build_tiny(tmp_path_factory.mktemp("models") / "mixtral", "mixtral"))


@torch.inference_mode()
def test_rows_behind_one_prefix_leave_nothing_in_it(model: LoadedModel) -> None:
    """They see what copies of it hold, bit for bit, and the next rows see the same."""
    cache = model.model(PREFIX, use_cache=True).past_key_values
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    first = torch.zeros(3, dtype=torch.long)
    found = [model.model(ROWS[:n], past_key_values=behind(cache, first[:n]), use_cache=True).logits for n in (3, 2)]
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert torch.equal(layer.values, values)
    copies = model.model(ROWS, past_key_values=repeated(cache, first), use_cache=True).logits
    assert torch.equal(found[0], copies)
    torch.testing.assert_close(found[1], copies[:2])


def test_a_prefix_takes_no_more_memory_before_many_rows(model: LoadedModel) -> None:
    """What is shared is the very tensor that ran."""
    with torch.inference_mode():
        cache = model.model(PREFIX, use_cache=True).past_key_values
    shared = behind(cache, torch.zeros(1_000, dtype=torch.long))
    assert [layer.keys.data_ptr() for layer in shared.layers] == [layer.keys.data_ptr() for layer in cache.layers]
    assert all(len(layer.keys) == 1 for layer in shared.layers)
