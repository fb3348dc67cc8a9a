"""A loaded model, taken apart as far as an effect map needs it: single layers, what is changed in them, and answers.

Axes: B rows, T tokens per row, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from moe_core.effects.memory_plan import DecoderShape
from moe_core.models.answer_head import AnswerHead
from moe_core.models.family import Router
from moe_core.models.inference.kept.layer_tail import decoder_layers
from moe_core.models.loading.building import LoadedModel

Again = Literal["behind", "layer", "all"]


@dataclass(frozen=True)
class Way:
    """How layers are run again where one MoE layer is changed.

    `again`: those behind it; that layer too, since it does more with its experts' output than add it to the stream; or
    all of them, where later layers read what earlier ones have left. `keeps_keys`: a few tokens can be run alone, the
    others' keys and values being kept; states of other kinds cannot be. `touches_all`: closing an expert changes the
    weights of tokens that did not choose it. `asks_block`: what an expert adds cannot be had from the experts' module;
    the block of router and experts is asked, as a whole.
    """

    again: Again = "behind"
    keeps_keys: bool = True
    touches_all: bool = False
    asks_block: bool = False


class Decoder:
    """A loaded model whose single layers are to be run: its decoder layers, its routers, and its answers' margins.

    `way` is how; the checks find out which one is right.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.model: Any = loaded.model
        self.routers: Sequence[Router] = loaded.routers
        self.layers = decoder_layers(loaded.model, loaded.routers)
        self._blocks = [_block(self.layers[router.layer], router) for router in loaded.routers]
        self.way = self.untried(asks_block=self.ways_to_ask[:1] == (True,))
        self.kept_beside = 0  # bytes a token, found out with the way
        self._head = AnswerHead(loaded.model)
        self.model.requires_grad_(False)  # gradients are of outputs alone

    @property
    def n_layers(self) -> int:
        """Decoder layers, dense ones included."""
        return len(self.layers)

    def first_again(self, place: int) -> int:
        """The first decoder layer that runs again where MoE layer `place` is changed."""
        return {"behind": self.routers[place].layer + 1, "layer": self.routers[place].layer, "all": 0}[self.way.again]

    def site(self, place: int) -> nn.Module:
        """The module whose output is changed where an expert of MoE layer `place` is closed."""
        return self._blocks[place] if self.way.asks_block else self.routers[place].experts

    @property
    def ways_to_ask(self) -> tuple[bool, ...]:
        """What `asks_block` may be here, the cheaper first: blocks cannot be asked that are whole decoder layers."""
        told = all(router.experts_are_told for router in self.routers)
        apart = not any(block is layer for block in self._blocks for layer in self.layers)
        return (False,) * told + (True,) * apart

    def untried(self, *, asks_block: bool) -> Way:
        """The first way to try: a router that does not divide by the sum gives survivors more weight at every token.

        So does softmax where the choice has a bias of its own: the others' probabilities grow, and the bias does not.
        """
        model = self.loaded.specification
        is_biased = any("e_score_correction_bias" in name for name in self.routers[0].gate.state_dict())
        touches_all = not model.normalised or (model.abilities.scoring == "softmax" and is_biased)
        return Way(touches_all=touches_all and not asks_block, asks_block=asks_block)

    @property
    def shape(self) -> DecoderShape:
        """What its effect map's memory hangs on; the width of an expert is told by its weights: three matrices."""
        embeddings, model = self.model.get_input_embeddings().weight, self.loaded.specification
        vocabulary, hidden_size = embeddings.shape
        experts = sum(weight.numel() for weight in self.routers[0].experts.parameters())
        return DecoderShape(
            self.n_layers,
            hidden_size,
            max(1, round(experts / (3 * model.n_experts * hidden_size))),
            model.n_experts,
            model.top_k,
            vocabulary,
            embeddings.element_size(),
            self.kept_beside,
        )

    def margins(self, ids: Tensor, last: Tensor, gold: Tensor, **keywords: Any) -> Tensor:
        """Margins [B] of the gold answers [B] in a pass over ids [B, T], read at the places `last` [B]."""
        self._head.expect(last)
        with self._head.attached():
            logits = self.model(input_ids=ids, **keywords).logits[:, 0].float()  # [B, V]
        right = logits.gather(1, gold[:, None])
        others = logits.scatter(1, gold[:, None], -torch.inf)
        margins: Tensor = right[:, 0] - others.logsumexp(1)
        return margins


def _block(layer: nn.Module, router: Router) -> nn.Module:
    """The smallest module of a decoder layer that holds the router and its experts."""
    holding = [part for part in layer.modules() if {router.gate, router.experts} <= set(part.modules())]
    return min(holding, key=lambda part: sum(1 for _ in part.modules()))
