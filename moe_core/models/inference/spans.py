"""Which tokens of a batch a record is of: each row's own, and those of the prefixes that are told of besides.

Axes: B rows of the batch, R spans, T tokens per row (padding included).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor


class Span(NamedTuple):
    """Tokens of one row of a batch: from `start` to before `stop`."""

    row: int
    start: int
    stop: int


@dataclass(frozen=True)
class Spans:
    """Spans of a batch, `listed` and as `row`, `start`, `stop` [R] on the model's device; T = `n_tokens`.

    The first `n_rows` are the rows' own, in order. Such a span ends with the row's last real token: what stands behind
    it is padding, and what stands before it belongs to a prefix that is run again here. What every layer needs is made
    once.
    """

    listed: tuple[Span, ...]
    n_rows: int
    row: Tensor
    start: Tensor
    stop: Tensor
    n_tokens: int

    @cached_property
    def last(self) -> Tensor:
        """Each row's last real token [B]."""
        return self.stop[: self.n_rows] - 1

    @cached_property
    def rows(self) -> Tensor:
        """The numbers of the rows [B], to take one token of each with."""
        return torch.arange(self.n_rows, device=self.row.device)

    @cached_property
    def inside(self) -> Tensor:
        """Which tokens are in each span [R, T]."""
        return (self._place >= self.start[:, None]) & (self._place < self.stop[:, None])

    @cached_property
    def padding(self) -> Tensor:
        """Which tokens of each row stand behind its last real one [B, T]."""
        return self._place > self.last[:, None]

    @cached_property
    def _place(self) -> Tensor:
        return torch.arange(self.n_tokens, device=self.row.device)

    def of_rows(self, values: Tensor) -> Tensor:
        """Values of the rows [L, B, ..] of some layers as those of the spans [L, R, ..]."""
        return values if len(self.listed) == self.n_rows else values[:, self.row]


def make_spans(own: Sequence[Span], told: Sequence[Span], device: torch.device) -> Spans:
    """The spans of a batch whose rows have these of their own; `told` are those of prefixes within them."""
    listed = (*own, *told)
    row, start, stop = on_device(torch.tensor(listed).T.contiguous(), device)
    return Spans(listed, len(own), row, start, stop, max(1, *(span.stop for span in own)))


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """The values there; a GPU goes on with what it is doing meanwhile, for which they must lie in pinned memory."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
