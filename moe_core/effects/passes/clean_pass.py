"""One pass without any mask that keeps what single experts can be closed in: streams, routing, gradients, keys, values.

The gradient is that of the margin, the gold answer's logit minus the log-sum-exp of all other tokens', whose sigmoid is
the gold answer's probability: unlike the log-probability it does not vanish where the model is sure.

Axes: B rows, T tokens per row, H hidden size, K chosen experts, E experts, V vocabulary, h heads, d head size.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache

from moe_core.effects.memory_plan import DecoderShape
from moe_core.effects.passes.gate_call import GateCall
from moe_core.effects.passes.rows import Rows
from moe_core.errors import EffectError
from moe_core.models.answer_head import AnswerHead
from moe_core.models.family import Router
from moe_core.models.inference.layer_tail import decoder_layers, kept_streams, replaced_forward
from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True, eq=False)
class CleanLayer:
    """One MoE layer in a clean pass.

    `hidden` [B, T, H] is what the experts saw, `asked` what the router was called with, `logits` [B, T, E] and
    `weights`, `ids` [B, T, K] what it did, `output` [B, T, H] the experts' sum, `stream` [B, T, H] what left the
    decoder layer, or entered it (`Decoder.way`); `gradient` [B, T, H] is that of the margin with respect to `output`.
    """

    hidden: Tensor
    logits: Tensor
    weights: Tensor
    ids: Tensor
    output: Tensor
    stream: Tensor
    gradient: Tensor
    asked: GateCall

    def nbytes(self) -> int:
        """Bytes that it takes; what the router was asked is what the experts saw, mostly."""
        tensors = [value for value in vars(self).values() if isinstance(value, Tensor)]
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


@dataclass(frozen=True)
class Way:
    """How layers are run again behind a changed MoE layer.

    `redoes_layer`: that layer too, since it does more with its experts' output than add it to the stream. `keeps_keys`:
    a few tokens can be run alone, the others' keys and values being kept; states of other kinds cannot be.
    `touches_all`: closing an expert changes the weights of tokens that did not choose it.
    """

    redoes_layer: bool = False
    keeps_keys: bool = True
    touches_all: bool = False


class Decoder:
    """A loaded model whose single layers are to be run: its decoder layers, its routers, and its answers' margins.

    `way` is how; the checks find out which one is right.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        _refuse_others(loaded)
        self.loaded = loaded
        # A router that does not divide by the sum gives the survivors more weight at every token.
        self.way = Way(touches_all=not loaded.specification.normalised)
        self.model: Any = loaded.model
        self.routers: Sequence[Router] = loaded.routers
        self.layers = decoder_layers(loaded.model, loaded.routers)
        self._head = AnswerHead(loaded.model)
        self.model.requires_grad_(False)  # gradients are of outputs alone

    @property
    def n_layers(self) -> int:
        """Decoder layers, dense ones included."""
        return len(self.layers)

    def first_again(self, place: int) -> int:
        """The first decoder layer that runs again where MoE layer `place` is changed."""
        return self.routers[place].layer + (not self.way.redoes_layer)

    @property
    def shape(self) -> DecoderShape:
        """What its effect map's memory hangs on; the width of an expert is told by its weights: three matrices."""
        embeddings, model = self.model.get_input_embeddings().weight, self.loaded.specification
        vocabulary, hidden_size = embeddings.shape
        experts = sum(weight.numel() for weight in self.routers[0].experts.parameters())
        width = max(1, round(experts / (3 * model.n_experts * hidden_size)))
        size = embeddings.element_size()
        return DecoderShape(self.n_layers, hidden_size, width, model.n_experts, model.top_k, vocabulary, size)

    def margins(self, ids: Tensor, last: Tensor, gold: Tensor, **keywords: Any) -> Tensor:
        """Margins [B] of the gold answers [B] in a pass over ids [B, T], read at the places `last` [B]."""
        self._head.expect(last)
        with self._head.attached():
            logits = self.model(input_ids=ids, **keywords).logits[:, 0].float()  # [B, V]
        right = logits.gather(1, gold[:, None])
        others = logits.scatter(1, gold[:, None], -torch.inf)
        margins: Tensor = right[:, 0] - others.logsumexp(1)
        return margins


def _refuse_others(loaded: LoadedModel) -> None:
    """Raise EffectError for a model whose layers are cut open in another way than is done here."""
    own = all(router.experts_are_told and router.can_be_closed for router in loaded.routers)
    if not (own and loaded.specification.abilities.reroute):
        raise EffectError(f"There is no effect map of {loaded.specification.family} models yet: mask experts instead.")


def clean_pass(decoder: Decoder, rows: Rows, *, checkpoints: bool = False) -> CleanPass:
    """The pass with the gradients of its margins; the model's weights are not trained, so none is kept for them.

    `checkpoints`: what lies between the layers' inputs is not kept but computed again, layer by layer.
    """
    keys, watched = _KeptKeys(), _Watched(decoder.routers)
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
    """Keeps what gates and experts were given and gave; adds a probe of zeros to each output, to take gradients at."""

    def __init__(self, routers: Sequence[Router]) -> None:
        self._routers = routers
        self._asked: dict[int, GateCall] = {}
        self._logits: dict[int, Tensor] = {}
        self._calls: dict[int, tuple[Tensor, Tensor, Tensor, Tensor]] = {}
        self.probes: dict[int, Tensor] = {}

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The hooks in place; they are gone afterwards."""
        with ExitStack() as stack:
            for place, router in enumerate(self._routers):
                after_gate = partial(self._after_gate, place)
                stack.callback(router.gate.register_forward_hook(after_gate, with_kwargs=True).remove)
                stack.callback(router.experts.register_forward_hook(partial(self._after_experts, place)).remove)
            yield

    def layer(self, place: int, n_rows: int, stream: Tensor | None, gradient: Tensor) -> CleanLayer:
        """What was kept of one MoE layer, a row of the batch a row; what enters the first one is read anew."""
        hidden, ids, weights, output = self._calls[place]
        flat = (hidden, self._logits[place], weights, ids, output)
        parts = [tensor.reshape(n_rows, -1, tensor.shape[-1]) for tensor in flat]
        parts += [parts[0] if stream is None else stream, gradient.reshape(n_rows, -1, gradient.shape[-1])]
        hidden, logits, weights, ids, output, stream, gradient = parts
        return CleanLayer(hidden, logits, weights, ids, output, stream, gradient, self._asked[place])

    def _after_gate(
        self, place: int, _gate: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any
    ) -> None:
        if place in self._asked:  # with checkpoints a layer runs again: the same, in memory of its own
            return
        self._logits[place] = self._routers[place].logits(output).detach()
        self._asked[place] = GateCall.of((arguments, keywords), len(self._logits[place]))

    def _after_experts(self, place: int, _experts: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if place not in self.probes:
            hidden, ids, weights = arguments
            self._calls[place] = hidden.detach(), ids, weights.detach(), output.detach()
            self.probes[place] = torch.zeros_like(output, requires_grad=True)
        return output + self.probes[place]
