"""One question's clean pass, to close an expert at single tokens of it: what each adds by the gradient, and does.

Axes: T tokens of the prompt, t of them that change; H hidden size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.effects.passes.clean_pass import CleanPass
from moe_core.effects.passes.closed_experts import closed_experts
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.reruns import exact_margins
from moe_core.interventions.layers import Cell

_NO_CHANGE = 1e-7
"""Nats that are none: a quotient of two such numbers would be noise."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClosedAt:
    """What closing one expert of MoE layer `place` does: the layer's output changes by `deltas` [T, H].

    `tokens` [t] are those whose change can reach the answer, ascending; behind the last layer the last one alone.
    """

    place: int
    deltas: Tensor
    tokens: Tensor

    @property
    def n_runs(self) -> int:
        """Re-runs that measuring takes: one for each token, and one with all of them."""
        return len(self.tokens) + 1


class QuestionAlone:
    """The clean pass of a single question; `effect` is "reroute" or "drop"."""

    def __init__(self, decoder: Decoder, clean: CleanPass, effect: str, batch_tokens: int) -> None:
        assert len(clean.rows.questions) == 1
        self._decoder = decoder
        self._clean = clean
        self._effect = effect
        self._rows_at_once = max(1, batch_tokens // self.n_tokens)

    @property
    def n_tokens(self) -> int:
        """Of the prompt."""
        return int(self._clean.rows.lengths[0])

    @torch.no_grad()
    def closed(self, cell: Cell) -> ClosedAt:
        """What closing an expert changes, token by token."""
        place, expert = cell
        row = torch.zeros(1, dtype=torch.long, device=self._clean.margins.device)
        closed = closed_experts(self._decoder, place, self._clean.layers[place], self._effect)
        deltas = closed.deltas(row, torch.full_like(row, expert))[0]
        changed = deltas.any(-1)
        if self._is_last(place):
            changed[:-1] = False
        return ClosedAt(place, deltas, changed.nonzero()[:, 0])

    def cost(self, closed: ClosedAt) -> float:
        """Forward passes of the question that measuring takes."""
        return closed.n_runs * (1 - self._decoder.first_again(closed.place) / self._decoder.n_layers)

    @torch.no_grad()
    def predicted(self, closed: ClosedAt) -> Floats:
        """What each token [T] adds to the predicted effect of the expert.

        Along the gradient the margin's change is a sum over tokens, and each has its share of what the log-probability
        makes of it. Behind the last layer only the last token matters: all of it is its own, and exact.
        """
        margin = self._clean.margins.double()
        if self._is_last(closed.place):
            terms = margin.new_zeros(self.n_tokens)
            terms[-1] = self._effects(closed, terms.bool()[None].logical_not())[0]
        else:
            along = (self._clean.layers[closed.place].gradient[0].float() * closed.deltas).sum(-1).double()  # [T]
            terms = along * _slope(margin, along.sum())
        return terms.float().cpu().numpy()

    @torch.no_grad()
    def measured(self, closed: ClosedAt) -> Iterator[Floats]:
        """The effects, a batch at a time: of closing the expert at each of its tokens alone, then at all of them."""
        here = torch.arange(self.n_tokens, device=closed.tokens.device)
        runs = torch.cat([here == closed.tokens[:, None], torch.ones_like(here, dtype=torch.bool)[None]])  # [t + 1, T]
        for some in torch.split(runs, self._rows_at_once):
            yield self._effects(closed, some).float().cpu().numpy()

    def _effects(self, closed: ClosedAt, where: Tensor) -> Tensor:
        """Effects [R], in 64 bits, of closing the expert at the tokens `where` [R, T] is set."""
        rows = torch.zeros(len(where), dtype=torch.long, device=where.device)
        deltas = where[..., None] * closed.deltas  # [R, T, H]
        changed = exact_margins(self._decoder, self._clean, closed.place, rows, deltas).double()
        margin = self._clean.margins.double()
        return logsigmoid_change(margin, changed - margin)

    def _is_last(self, place: int) -> bool:
        return self._decoder.first_again(place) == self._decoder.n_layers


def logsigmoid_change(margin: Tensor, change: Tensor) -> Tensor:
    """The change of the log-probability, nats, where the margin changes by `change`; of the shape of both."""
    log = torch.nn.functional.logsigmoid
    return log(margin + change) - log(margin)


def _slope(margin: Tensor, change: Tensor) -> Tensor:
    """What the log-probability changes by for each nat of the margin, where that changes by `change` in all."""
    if abs(float(change)) < _NO_CHANGE:
        return torch.sigmoid(-margin)
    return logsigmoid_change(margin, change) / change
