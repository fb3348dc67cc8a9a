"""Asks a model for its logits at one position of each row, through its own head: scalings and soft caps included.

Axes: B rows, T tokens per row (padding included), P tokens of a prefix, H hidden size, V vocabulary, h heads, d head
size.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer


class AnswerHead:
    """Shortens what reaches the model's output embeddings while it is attached; `at` [B] is set before each pass.

    All positions' logits would need B x T x V numbers, and the hidden states before the head are not what some models
    multiply with it (Granite divides, Cohere multiplies, Gemma caps the logits).
    """

    def __init__(self, model: Any) -> None:
        self._head = model.get_output_embeddings()
        self._at = torch.empty(0)

    @contextmanager
    def attached(self) -> Iterator["AnswerHead"]:
        """The head with its hook in place; it is gone afterwards, whatever happened."""
        handle = self._head.register_forward_pre_hook(self._pick)
        try:
            yield self
        finally:
            handle.remove()

    def expect(self, at: Tensor) -> None:
        """The next pass gives the logits [B, 1, V] at these positions."""
        self._at = at

    def _pick(self, module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden, *others = inputs  # [B, T, H]
        at = self._at.to(hidden.device)
        return hidden.gather(1, at[:, None, None].expand(-1, 1, hidden.shape[-1])), *others  # [B, 1, H]


def repeated(cache: Any, rows: int) -> Any:
    """The keys, values and states of one row for `rows` of them; every kind of cache can reorder its rows."""
    cache.reorder_cache(torch.zeros(rows, dtype=torch.long))
    return cache


def behind(cache: Any, rows: int) -> Any:
    """What one row has left, `cache`, for one pass over `rows` rows behind it, of which nothing is kept.

    Plain keys and values are not copied but for the layer that attends to them; all other kinds are repeated.
    """
    layers = getattr(cache, "layers", ())
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return repeated(copy.deepcopy(cache), rows)
    shared = copy.copy(cache)
    shared.layers = [_SharedLayer.of(layer) for layer in layers]
    return shared


class _SharedLayer(DynamicLayer):
    """One row's keys and values [1, h, P, d], before those of every row of a pass, which are not kept."""

    @classmethod
    def of(cls, layer: DynamicLayer) -> "_SharedLayer":
        shared = cls()
        vars(shared).update(vars(layer))
        return shared

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
        assert self.keys is not None
        assert self.values is not None
        keys, values = (own.expand(len(key_states), -1, -1, -1) for own in (self.keys, self.values))
        return torch.cat([keys, key_states], dim=2), torch.cat([values, value_states], dim=2)
