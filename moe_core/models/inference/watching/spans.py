"""Which tokens of a batch a record is of: each row's own, and those of the prefixes that are told of besides.

Axes: B rows of the batch, R spans, T tokens per row (padding included).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Span(NamedTuple):
    """Tokens of one row of a batch: from `start` to before `stop`."""

    row: int
    start: int
    stop: int


@dataclass(frozen=True)
class Rows:
    """The tokens of each row of a pass: its `own` of them, up to its end, and spans of prefixes that are `told` of."""

    tokens: Sequence[NDArray[np.int32]]
    own: Sequence[Span]
    told: Sequence[Span] = ()

    @property
    def n_tokens(self) -> int:
        """Of the longest row."""
        return max(map(len, self.tokens), default=0)

    def without_last(self) -> "Rows":
        """All but the last token of each row."""
        own = [Span(row, start, stop - 1) for row, start, stop in self.own]
        return Rows([tokens[:-1] for tokens in self.tokens], own, self.told)


@dataclass(frozen=True)
class Spans:
    """Spans of a batch, as `listed`, and what every layer needs of them, on the model's device.

    The first `n_rows` are the rows' own, in order. Such a span ends with the row's `last` real token [B]: what stands
    behind it is `padding` [B, T], and what stands before it belongs to a prefix that is run again here. `row` [R] is
    that of each span, `inside` [R, T] tells which tokens are in it, and `rows` [B] counts the rows.
    """

    listed: tuple[Span, ...]
    n_rows: int
    row: Tensor
    rows: Tensor
    last: Tensor
    inside: Tensor
    padding: Tensor

    @property
    def n_tokens(self) -> int:
        """T."""
        return self.inside.shape[1]

    def of_rows(self, values: Tensor) -> Tensor:
        """Values of the rows [L, B, ..] of some layers as those of the spans [L, R, ..]."""
        return values if len(self.listed) == self.n_rows else values[:, self.row]


def make_spans(
    own: Sequence[Span], told: Sequence[Span], device: torch.device, *others: Tensor
) -> tuple[Spans, list[Tensor]]:
    """The spans of a batch whose rows have these of their own, and `others` there, which go with them.

    `told` are the spans of prefixes within the rows.
    """
    listed = (*own, *told)
    row, start, stop = map(torch.tensor, zip(*listed, strict=True))  # [R]
    rows, last = torch.arange(len(own)), stop[: len(own)] - 1  # [B]
    place = torch.arange(max(1, *(span.stop for span in own)))  # [T]
    inside = (place >= start[:, None]) & (place < stop[:, None])
    there = on_device([*others, row, rows, last, inside, place > last[:, None]], device)
    return Spans(listed, len(own), *there[len(others) :]), there[: len(others)]


def on_device(values: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """The values there, the larger types first, in one copy; a GPU goes on with what it is doing meanwhile.

    For that they must lie in pinned memory, and each upload by itself takes as long as starting several kernels.
    """
    together = torch.cat([value.contiguous().view(-1).view(torch.uint8) for value in values])
    if device.type == "cuda":
        together = together.pin_memory()
    parts = together.to(device, non_blocking=True).split_with_sizes([value.nbytes for value in values])
    return [part.view(value.dtype).view(value.shape) for part, value in zip(parts, values, strict=True)]
