"""The keys and values that prefixes have left, for rows that run behind them.

Axes: G prefixes that ran together, P tokens of the longest of them, B rows behind them, T tokens per row (padding
included), h heads, d head size.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer


def repeated(cache: Any, place: Tensor) -> Any:
    """The keys, values and states of the prefix at each `place` [B]; every kind of cache can reorder its rows."""
    cache.reorder_cache(place)
    return cache


def is_plain(cache: Any) -> bool:
    """Whether all that it holds are the keys and values of every token."""
    layers = getattr(cache, "layers", ())
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def behind(cache: Any, place: Tensor) -> Any:
    """What prefixes have left, `cache`, for one pass over rows behind those at `place` [B], of which nothing is kept.

    Plain keys and values are not copied but for the layer that attends to them; all other kinds are repeated.
    """
    if not is_plain(cache):
        return repeated(copy.deepcopy(cache), place)
    shared = copy.copy(cache)
    shared.layers = [_SharedLayer.of(layer, place) for layer in cache.layers]
    return shared


def align_right(cache: Any, lengths: Tensor) -> None:
    """Move the tokens of each prefix, `lengths` [G] of them, from the left to the right end of its row.

    There each stands as far before the rows behind it as in their prompts. Layers that did not run stay empty.
    """
    for layer in cache.layers:
        if layer.is_initialized:
            there = lengths.to(layer.keys.device)
            layer.keys, layer.values = (
                moved(own, own.shape[2] - there, own.shape[2]) for own in (layer.keys, layer.values)
            )


def moved(kept: Tensor, by: Tensor, width: int) -> Tensor:
    """Keys or values [B, h, T, d] of which each row stands `by` [B] tokens further right, in `width` of them."""
    place = torch.arange(width, device=by.device) - by[:, None]  # [B, width]
    place = place.clamp(0, kept.shape[2] - 1)[:, None, :, None]
    return kept.gather(2, place.expand(-1, kept.shape[1], -1, kept.shape[3]))


def beside(lengths: Tensor, n_before: int, n_tokens: int) -> dict[str, Tensor]:
    """What a model is told of rows of so many tokens, each behind `lengths` [B] at the right end of `n_before`."""
    place = torch.arange(n_before + n_tokens, device=lengths.device)
    return {
        "attention_mask": (place >= n_before - lengths[:, None]).long(),  # [B, n_before + n_tokens]
        "position_ids": lengths[:, None] + place[:n_tokens],  # [B, n_tokens]
    }


@dataclass(frozen=True)
class Before:
    """What stands before rows: the prefix at `place` [B], `lengths` [B] tokens at the right end of `n_tokens`."""

    place: Tensor
    lengths: Tensor
    n_tokens: int
    is_padded: bool

    def placed(self, n_tokens: int) -> dict[str, Tensor]:
        """What a model is told of rows of so many tokens besides: nothing where all prefixes are of one length."""
        return beside(self.lengths, self.n_tokens, n_tokens) if self.is_padded else {}


class _SharedLayer(DynamicLayer):
    """Keys and values [G, h, P, d] of prefixes, before those of the rows of a pass, which are not kept."""

    _place: Tensor

    @classmethod
    def of(cls, layer: DynamicLayer, place: Tensor) -> "_SharedLayer":
        shared = cls()
        vars(shared).update(vars(layer), _place=place)
        return shared

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
        assert self.keys is not None
        assert self.values is not None
        keys, values = (self._before(own) for own in (self.keys, self.values))
        return torch.cat([keys, key_states], dim=2), torch.cat([values, value_states], dim=2)

    def _before(self, own: Tensor) -> Tensor:
        """The keys or values before each row [B, h, P, d]."""
        if len(own) == 1:  # and then it is not copied
            return own.expand(len(self._place), -1, -1, -1)
        return own[self._place.to(own.device)]
