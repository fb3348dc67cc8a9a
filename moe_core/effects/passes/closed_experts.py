"""What a MoE layer's output becomes where single experts are closed, token by token, everything before being the same.

Axes: n entries, each a token and an expert that it must do without; K chosen experts, E experts, H hidden size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from moe_core.effects.memory_plan import ENTRIES
from moe_core.effects.passes.clean_pass import CleanLayer
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.masking import masked
from moe_core.models.family import Chosen, Rerun
from moe_core.models.inference.kept.layer_tail import stream_of


@dataclass(frozen=True, eq=False)
class Choice:
    """Experts [n, K] and their gate weights [n, K]."""

    ids: Tensor
    weights: Tensor

    def at(self, entries: Tensor) -> "Choice":
        """Of some of the entries alone."""
        return Choice(self.ids[entries], self.weights[entries])


@dataclass(frozen=True, eq=False)
class FirstOrder:
    """By row and expert [B, E]: the change of the margin along its gradient, and the sum of both lengths' products."""

    change: Tensor
    bound: Tensor


class ClosedExperts:
    """One MoE layer of a clean pass, of which single experts are closed; `effect` is "reroute" or "drop"."""

    def __init__(self, decoder: Decoder, place: int, layer: CleanLayer, effect: str) -> None:
        self._router = decoder.routers[place]
        self._site = decoder.site(place)
        self._reruns: dict[int, Rerun] = {}
        self._effect = effect
        self._drops = effect == "drop"
        self.B, self.T, self.E = layer.logits.shape
        self.hidden, self.logits, self.weights, self.ids, self.output, self.gradient = (
            tensor.reshape(-1, tensor.shape[-1])
            for tensor in (layer.hidden, layer.logits, layer.weights, layer.ids, layer.output, layer.gradient)
        )
        self.touches_all = not self._drops and decoder.way.touches_all
        self._asked = layer.asked

    def deltas(self, rows: Tensor, experts: Tensor) -> Tensor:
        """The change of the output [R, T, H] where row `rows` [R] does without expert `experts` [R]; float32."""
        tokens = rows[:, None] * self.T + torch.arange(self.T, device=rows.device)  # [R, T]
        chose = (self.ids[tokens] == experts[:, None, None]).any(-1)
        deltas = torch.zeros(*tokens.shape, self.output.shape[-1], device=rows.device)
        changed, new = chose, None
        if self.touches_all:
            new = self._choice(tokens.view(-1), experts.repeat_interleave(self.T))
            growth, is_even = self._growth(tokens.view(-1), new)
            deltas = growth.view(tokens.shape)[..., None] * self.output[tokens].float()
            changed = chose | ~is_even.view(tokens.shape)
            new = new.at(changed.view(-1).nonzero()[:, 0])
        at = changed.nonzero(as_tuple=True)
        deltas[at] = self._changed(tokens[at], experts[at[0]], new)
        return deltas

    def first_order(self) -> FirstOrder:
        """Every expert of every row at once."""
        N, K = self.ids.shape
        tokens = torch.arange(N, device=self.ids.device).repeat_interleave(K)  # an entry for each chosen expert
        closed = self.ids.reshape(-1)
        change, bound = self.output.new_zeros(N * K).float(), self.output.new_zeros(N * K).float()
        every = self._of_all() if self.touches_all else None
        for part, delta in self._of_entries(tokens, closed, every and every.at(tokens * self.E + closed)):
            gradient = self.gradient[tokens[part]].float()
            change[part] = (gradient * delta).sum(-1)
            bound[part] = gradient.norm(dim=-1) * delta.norm(dim=-1)
        return self._by_row(tokens, closed, change, bound, every)

    def _of_all(self) -> Choice:
        """Every token without every expert [N * E]."""
        tokens = torch.arange(len(self.ids), device=self.ids.device)
        apart = [self._without(expert, tokens) for expert in range(self.E)]
        ids, weights = (
            torch.stack(parts, 1).flatten(0, 1) for parts in zip(*((c.ids, c.weights) for c in apart), strict=True)
        )
        return Choice(ids, weights)

    def _of_entries(self, tokens: Tensor, closed: Tensor, new: Choice | None) -> Iterator[tuple[Tensor, Tensor]]:
        """The change of the output [.., H] for each token and an expert that it chose, some entries at a time.

        From the outputs of the chosen experts and those that would step in, each of which runs once.
        """
        new = new or self._choice(tokens, closed)
        needed = (tokens[:, None] * self.E + new.ids).reshape(-1)
        unique, place = torch.unique(needed, return_inverse=True)
        of = torch.div(unique, self.E, rounding_mode="floor")
        alone = self._run(self.hidden[of], (unique % self.E)[:, None], None)  # [U, H]
        place = place.view(len(tokens), -1)
        for part in torch.split(torch.arange(len(tokens), device=tokens.device), ENTRIES):
            delta = torch.einsum("nk,nkh->nh", new.weights[part].float(), alone[place[part]].float())
            yield part, delta - (0 if self._drops else self.output[tokens[part]].float())

    def _by_row(
        self, tokens: Tensor, closed: Tensor, change: Tensor, bound: Tensor, every: Choice | None
    ) -> FirstOrder:
        row = torch.div(tokens, self.T, rounding_mode="floor")
        place = row * self.E + closed
        sums = [change.new_zeros(self.B * self.E).scatter_add(0, place, part) for part in (change, bound)]
        if every is not None:
            for at, part in enumerate(self._of_the_others(every)):
                sums[at] = sums[at] + part.reshape(-1)
        return FirstOrder(*(part.view(self.B, self.E) for part in sums))

    def _of_the_others(self, every: Choice) -> tuple[Tensor, Tensor]:
        """Change and bound [B, E] of tokens that did not choose an expert, whose weights grow where it is closed."""
        N = len(self.ids)
        tokens = torch.arange(N, device=self.ids.device).repeat_interleave(self.E)
        growth, _ = self._growth(tokens, every)
        growth = growth.view(N, self.E).scatter(1, self.ids, 0.0)
        along = (self.gradient.float() * self.output.float()).sum(-1)
        length = self.gradient.float().norm(dim=-1) * self.output.float().norm(dim=-1)
        change, bound = (self._over_tokens(growth * part[:, None]) for part in (along, length))
        return change, bound

    def _over_tokens(self, values: Tensor) -> Tensor:
        return values.view(self.B, self.T, self.E).sum(1)

    def _growth(self, tokens: Tensor, new: Choice) -> tuple[Tensor, Tensor]:
        """By how much [n] the weights grow at tokens whose choice stays the same, and whether all grow alike [n]."""
        weights = self.weights[tokens].float()
        growth = new.weights.float().sum(-1) / weights.sum(-1)
        is_even = (new.ids == self.ids[tokens]).all(-1)
        off = (new.weights.float() - growth[:, None] * weights).abs().amax(-1)
        is_even &= off <= _EVEN * weights.amax(-1)
        return growth - 1, is_even

    def _changed(self, tokens: Tensor, experts: Tensor, new: Choice | None = None) -> Tensor:
        """The change of the output [n, H] at tokens that chose the expert which is closed; `new`: where it is known."""
        new = new or self._choice(tokens, experts)
        output = self._run(self.hidden[tokens], new.ids, new.weights).float()
        return output if self._drops else output - self.output[tokens].float()

    def _choice(self, tokens: Tensor, experts: Tensor) -> Choice:
        """What the router chooses without the expert; with drop, the expert alone, its weight taken away."""
        if self._drops:
            weight = (self.weights[tokens] * (self.ids[tokens] == experts[:, None])).sum(-1, keepdim=True)
            return Choice(experts[:, None], -weight)
        ids = self.ids.new_empty(len(tokens), self.ids.shape[-1])
        weights = self.weights.new_empty(ids.shape)
        for expert in torch.unique(experts).tolist():
            at = (experts == expert).nonzero()[:, 0]
            chosen = self._without(expert, tokens[at])
            ids[at], weights[at] = chosen.ids, chosen.weights
        return Choice(ids, weights)

    def _without(self, expert: int, tokens: Tensor) -> Chosen:
        """What the model's own router chooses for these tokens [n] when one expert is closed to it."""
        if expert not in self._reruns:
            closed = torch.zeros(self.E, dtype=torch.bool)
            closed[expert] = True
            self._reruns[expert] = self._router.closing(closed)
        chosen = self._router.said(self._reruns[expert](self._asked.of_tokens(tokens), None))
        assert chosen is not None
        return chosen

    def _run(self, hidden: Tensor, ids: Tensor, weights: Tensor | None) -> Tensor:
        """The model's own experts on these tokens [n, H]; without weights each is taken as it is."""
        if not len(hidden):
            return hidden
        weights = self.weights.new_ones(ids.shape) if weights is None else weights
        return torch.cat([self._router.run(*part) for part in _parts(hidden, ids, weights)])


class ClosedBlocks(ClosedExperts):
    """The same where what single experts add cannot be had apart: the block of router and experts runs, masked."""

    def _of_entries(self, tokens: Tensor, closed: Tensor, new: Choice | None) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.split(torch.arange(len(tokens), device=tokens.device), ENTRIES):
            yield part, self._changed(tokens[part], closed[part])

    def _changed(self, tokens: Tensor, experts: Tensor, new: Choice | None = None) -> Tensor:
        deltas = torch.empty(len(tokens), self.output.shape[-1], device=tokens.device)
        for expert in torch.unique(experts).tolist():
            with masked(self._router, expert, self.E, self._effect):
                for at in torch.split((experts == expert).nonzero()[:, 0], ENTRIES):
                    arguments, keywords = self._asked.of_tokens(tokens[at])
                    output = stream_of(self._site(*arguments, **keywords)).reshape(len(at), -1)
                    deltas[at] = output.float() - self.output[tokens[at]].float()
        return deltas


def closed_experts(decoder: Decoder, place: int, layer: CleanLayer, effect: str) -> ClosedExperts:
    """One MoE layer whose experts are closed in the way that is right for this model."""
    return (ClosedBlocks if decoder.way.asks_block else ClosedExperts)(decoder, place, layer, effect)


_EVEN = 1e-2
"""Of the largest weight, by how much weights may differ from growing all alike: what 16 bits round."""


def _parts(*tensors: Tensor) -> Sequence[tuple[Tensor, ...]]:
    return list(zip(*(torch.split(tensor, ENTRIES) for tensor in tensors), strict=True))
