"""A cache that stays empty, for passes over whole prompts: with it nothing in a pass waits for the GPU.

Without any cache, transformers looks in each pass whether a row is several prompts in one (masking_utils.py,
find_packed_sequence_indices), and has the GPU finish all that it was told before to find that none is.
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from moe_core.models.inference.once_a_model import REFUSALS, once_a_model
from moe_core.models.loading.building import LoadedModel

_PROBE = ((5, 9, 7, 6, 8, 4), (6, 8, 5, 5, 4, 4))


class _UnkeptLayer(DynamicLayer):
    """Keys and values that are handed on and not kept."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
        return key_states, value_states


def unkept_cache(n_layers: int) -> DynamicCache | None:
    """One for so many layers; None for none, as `layers_to_pass_by` says of a model that had better not be given it."""
    if not n_layers:
        return None
    cache = DynamicCache()
    cache.layers = [_UnkeptLayer() for _ in range(n_layers)]  # type: ignore[no-untyped-call]  # transformers' own
    return cache


@once_a_model
@torch.inference_mode()
def layers_to_pass_by(loaded: LoadedModel) -> int:
    """Number of layers of the model's own cache; 0 where not all hold plain keys and values of every token (windows,
    states), or where the model does not give the same, bit for bit, with a cache that keeps nothing."""
    ids = torch.tensor(_PROBE, device=loaded.model.device)
    try:
        own = loaded.model(input_ids=ids, use_cache=True).past_key_values
        layers = getattr(own, "layers", ())
        if any(type(layer) is not DynamicLayer for layer in layers):
            return 0
        whole = loaded.model(input_ids=ids, use_cache=False).logits
        again = loaded.model(input_ids=ids, past_key_values=unkept_cache(len(layers)), use_cache=True).logits
    except REFUSALS:
        return 0
    return len(layers) if torch.equal(again, whole) else 0
