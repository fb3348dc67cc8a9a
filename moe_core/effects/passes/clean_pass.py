"""One pass without any mask that keeps what single experts can be closed in: streams, routing, gradients, keys, values.

The gradient is that of the margin, the gold answer's logit minus the log-sum-exp of all other tokens', whose sigmoid is
the gold answer's probability: unlike the log-probability it does not vanish where the model is sure.

Axes: B rows, T tokens per row, H hidden size, K chosen experts, E experts, V vocabulary, h heads, d head size.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache

from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.kept_call import KeptCall
from moe_core.effects.passes.rows import Rows
from moe_core.models.family import Call, Chosen
from moe_core.models.inference.kept.layer_tail import (
    Handed,
    kept_streams,
    replaced_forward,
    stream_of,
    tensors_of,
    with_stream,
)


@dataclass(frozen=True, eq=False)
class CleanLayer:
    """One MoE layer in a clean pass.

    `hidden` [B, T, H] is what the layer's site saw (`Decoder.site`), `output` [B, T, H] what it gave; `asked` is what
    the router was called with, or the block where that is the site; `logits` [B, T, E] and `weights`, `ids` [B, T, K]
    what the router did. `handed` is what the decoder layer handed on, or was given (`Decoder.way`). `gradient`
    [B, T, H] is that of the margin with respect to `output`.
    """

    hidden: Tensor
    logits: Tensor
    weights: Tensor
    ids: Tensor
    output: Tensor
    gradient: Tensor
    handed: Handed
    asked: KeptCall

    def nbytes(self) -> int:
        """Bytes that it takes; what the router was asked is what the experts saw, mostly."""
        tensors = [value for value in vars(self).values() if isinstance(value, Tensor) and value is not self.handed]
        tensors += tensors_of(self.handed)
        return sum(tensor.nbytes for tensor in tensors) + self.asked.nbytes_besides(self.hidden)


@dataclass(frozen=True, eq=False)
class CleanPass:
    """A batch without any mask: margins [B] in nats, MoE layers, and keys and values [B, h, T, d] of all layers."""

    rows: Rows
    margins: Tensor
    layers: tuple[CleanLayer, ...]
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def nbytes(self) -> int:
        """Bytes that it takes while it is kept."""
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values)) + sum(map(CleanLayer.nbytes, self.layers))


def clean_pass(decoder: Decoder, rows: Rows, *, checkpoints: bool = False) -> CleanPass:
    """The pass with the gradients of its margins; the model's weights are not trained, so none is kept for them.

    `checkpoints`: what lies between the layers' inputs is not kept but computed again, layer by layer.
    """
    keys, watched = _KeptKeys(), _Watched(decoder)
    first = [decoder.first_again(place) for place in range(len(decoder.routers))]
    keeping = {"past_key_values": keys} if decoder.way.keeps_keys else {}
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        stack.enter_context(watched.attached())
        streams = stack.enter_context(kept_streams(decoder.layers, [layer for layer in first if layer]))
        if checkpoints:
            stack.enter_context(_checkpointed(decoder.layers))
        margins = decoder.margins(rows.ids, rows.lengths - 1, rows.gold, use_cache=bool(keeping), **keeping)
        gradients = torch.autograd.grad(margins.sum(), list(watched.probes.values()))
    layers = tuple(
        watched.layer(place, len(rows.lengths), streams.get(at), gradients[place]) for place, at in enumerate(first)
    )
    kept = [keys.of_layer[layer] for layer in range(decoder.n_layers)] if keeping else []
    return CleanPass(rows, margins.detach(), layers, tuple(k for k, _ in kept), tuple(v for _, v in kept))


@contextmanager
def _checkpointed(layers: nn.ModuleList) -> Iterator[None]:
    with ExitStack() as stack:
        for layer in layers:
            stack.callback(replaced_forward(layer, partial(checkpoint, layer.forward, use_reentrant=False)))
        yield


class _KeptKeys(DynamicCache):
    """Keeps the keys and values of one pass from its start; a layer may run twice."""

    def __init__(self) -> None:
        super().__init__()
        self.of_layer: dict[int, tuple[Tensor, Tensor]] = {}

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_keywords: Any
    ) -> tuple[Tensor, Tensor]:
        self.of_layer[layer_idx] = key_states.detach(), value_states.detach()
        return key_states, value_states


class _Watched:
    """Keeps what routers and sites were given and gave; adds a probe of zeros to each site's output, for gradients."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._asked: dict[int, KeptCall] = {}
        self._logits: dict[int, Tensor] = {}
        self._chosen: dict[int, Chosen] = {}
        self._calls: dict[int, tuple[Tensor, Tensor]] = {}
        self.probes: dict[int, Tensor] = {}

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The hooks in place; they are gone afterwards."""
        with ExitStack() as stack:
            for place, router in enumerate(self._decoder.routers):
                hooks = [router.gate.register_forward_hook(partial(self._after_gate, place), with_kwargs=True)]
                if router.experts_are_told:
                    told = partial(self._before_experts, place)
                    hooks.append(router.experts.register_forward_pre_hook(told, with_kwargs=True))
                site = self._decoder.site(place)
                hooks.append(site.register_forward_hook(partial(self._after_site, place), with_kwargs=True))
                for hook in hooks:
                    stack.callback(hook.remove)
            yield

    def layer(self, place: int, n_rows: int, handed: Handed | None, gradient: Tensor) -> CleanLayer:
        """What was kept of one MoE layer, a row of the batch a row; what enters the first one is read anew."""
        hidden, output = self._calls[place]
        chosen = self._chosen[place]
        flat = (hidden, self._logits[place], chosen.weights, chosen.ids, output, gradient)
        parts = [tensor.reshape(n_rows, -1, tensor.shape[-1]) for tensor in flat]
        hidden, logits, weights, ids, output, gradient = parts
        handed = hidden if handed is None else handed
        return CleanLayer(hidden, logits, weights, ids, output, gradient, handed, self._asked[place])

    def _after_gate(
        self, place: int, _gate: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any
    ) -> None:
        if place in self._logits:  # with checkpoints a layer runs again: the same, in memory of its own
            return
        router = self._decoder.routers[place]
        self._logits[place] = router.logits(output).detach()
        if not self._decoder.way.asks_block:
            self._asked[place] = KeptCall.of((arguments, keywords), len(self._logits[place]))
        if not router.experts_are_told and (said := router.said(output)) is not None:
            self._chosen[place] = Chosen(said.weights.detach(), said.ids)

    def _before_experts(self, place: int, _experts: nn.Module, *call: Any) -> None:
        if place not in self._chosen:
            given = self._decoder.routers[place].given(call)
            self._chosen[place] = Chosen(given.weights.detach(), given.ids)

    def _after_site(
        self, place: int, _site: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Handed
    ) -> Handed:
        added = stream_of(output)
        if place not in self.probes:
            call: Call = arguments, keywords
            hidden = next(value for value in (*arguments, *keywords.values()) if isinstance(value, Tensor))
            self._calls[place] = hidden.detach(), added.detach()
            self.probes[place] = torch.zeros_like(added, requires_grad=True)
            if self._decoder.way.asks_block:
                self._asked[place] = KeptCall.of(call, len(self._logits[place]))
        return with_stream(output, added + self.probes[place])
