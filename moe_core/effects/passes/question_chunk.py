"""The questions whose clean passes are held at once: every expert's effect on each, first order, sparse or exact.

Axes: n questions of the chunk, L MoE layers, E experts; R pairs of a question and an expert that run together.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.effects.budget import n_few_tokens
from moe_core.effects.memory_plan import rows_of_few
from moe_core.effects.part import How, Ran
from moe_core.effects.passes.clean_pass import CleanPass
from moe_core.effects.passes.closed_experts import ClosedExperts, closed_experts
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.question_alone import logsigmoid_change
from moe_core.effects.passes.reruns import exact_margins, sparse_margins

_REACH = 3.0
"""How many times the first-order bound an effect may reach: where the model is sure, gradients say too little."""

Floats = NDArray[np.float32]


class QuestionChunk:
    """Clean passes of some questions, to close experts in; `effect` is "reroute" or "drop"."""

    def __init__(self, decoder: Decoder, passes: list[CleanPass], effect: str, batch_tokens: int) -> None:
        self._decoder = decoder
        self._passes = passes
        self._effect = effect
        self._batch_tokens = batch_tokens
        self.questions = tuple(question for clean in passes for question in clean.rows.questions)
        self.lengths = tuple(int(length) for clean in passes for length in clean.rows.lengths)
        self.runs_few = decoder.way.keeps_keys
        self.shape = (len(self.questions), len(decoder.routers), decoder.loaded.specification.n_experts)

    @torch.no_grad()
    def first_order(self) -> tuple[Floats, Floats]:
        """The predicted effect of each expert [n, L, E], and how large it could be (0: none at all)."""
        change, bound = [], []
        for clean in self._passes:
            layers = [self._closed(clean, place).first_order() for place in range(self.shape[1])]
            m = clean.margins[:, None, None]
            change.append(logsigmoid_change(m, torch.stack([layer.change for layer in layers], 1)))
            bound.append(logsigmoid_change(m, -_REACH * torch.stack([layer.bound for layer in layers], 1)).abs())
        return torch.cat(change).cpu().numpy(), torch.cat(bound).cpu().numpy()

    @torch.no_grad()
    def run(self, wanted: NDArray[np.bool_], how: How) -> Iterator[Ran]:
        """The effects of the wanted pairs [n, L, E], a batch at a time."""
        start = 0
        for clean in self._passes:
            end = start + len(clean.rows.questions)
            for place in range(self.shape[1]):
                pairs = np.argwhere(wanted[start:end, place])  # [R, 2]
                if not len(pairs):
                    continue
                closed = self._closed(clean, place)
                for part in np.array_split(pairs, -(-len(pairs) // self._rows_at_once(clean, how))):
                    rows, experts = torch.from_numpy(part).to(clean.margins.device).unbind(1)
                    changed = self._margins(clean, place, closed, rows, experts, how)
                    effects = logsigmoid_change(clean.margins[rows], changed - clean.margins[rows])
                    whole = np.stack([start + part[:, 0], np.full(len(part), place), part[:, 1]], 1)
                    yield Ran(whole, effects.cpu().numpy())
            start = end

    def _closed(self, clean: CleanPass, place: int) -> ClosedExperts:
        return closed_experts(self._decoder, place, clean.layers[place], self._effect)

    def _rows_at_once(self, clean: CleanPass, how: How) -> int:
        T = clean.rows.ids.shape[1]
        if how == "exact":
            return max(1, self._batch_tokens // T)
        return rows_of_few(self._batch_tokens, T)

    def _margins(
        self, clean: CleanPass, place: int, closed: ClosedExperts, rows: Tensor, experts: Tensor, how: How
    ) -> Tensor:
        deltas = closed.deltas(rows, experts)  # [R, T, H]
        if how == "exact":
            return exact_margins(self._decoder, clean, place, rows, deltas)
        gradient = clean.layers[place].gradient[rows].float()
        own = deltas.norm(dim=-1) * gradient.norm(dim=-1)
        later = self._later(clean, place)[rows]
        chosen = few_tokens(own, later, clean.rows.lengths[rows] - 1, n_few_tokens(own.shape[1]))
        along = (gradient * deltas).sum(-1)
        left_out = along.sum(1) - along.gather(1, chosen).sum(1)
        few_deltas = deltas.gather(1, chosen[..., None].expand(-1, -1, deltas.shape[-1]))
        return sparse_margins(self._decoder, clean, place, rows, chosen, few_deltas) + left_out

    def _later(self, clean: CleanPass, place: int) -> Tensor:
        """How much each token [B, T] matters to the layers behind."""
        behind = clean.layers[place + 1 :] or clean.layers[place:]
        return torch.stack([layer.gradient.float().norm(dim=-1) for layer in behind]).mean(0)


def few_tokens(own: Tensor, later: Tensor, last: Tensor, m: int) -> Tensor:
    """What a sparse re-run takes [R, min(m + 1, T)], ascending: the tokens that change or matter most, and the last.

    `own` [R, T] is how much each token's change can matter, 0 where nothing changes; `later` [R, T] how much what later
    layers make of it matters; `last` [R] the last prompt token of each row.
    """
    T = own.shape[1]
    places = torch.arange(T, device=own.device)
    first = (own > 0).int().argmax(1)
    score = torch.where((places > first[:, None]) & (places < last[:, None]), later, -1.0)
    changed = own.scatter(1, last[:, None], -1.0).topk(min(m // 2, T), dim=1).indices
    score = score.scatter(1, changed, torch.inf).scatter(1, last[:, None], torch.inf)
    return score.topk(min(m + 1, T), dim=1).indices.sort(dim=1).values
