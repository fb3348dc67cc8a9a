"""Asks a model for its logits at one position of each row, through its own head: scalings and soft caps included.

Axes: B rows, T tokens per row (padding included), H hidden size, V vocabulary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


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
