"""Hooks on the routers that keep, for one forward pass, what a trace stores. Nothing else of the model is touched.

Axes: B rows of the batch, R spans of them (spans.py), T tokens per row (padding included), N tokens of all
rows, L MoE layers, E experts, K chosen experts.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from moe_core.models.family import Call, Chosen, Router
from moe_core.models.inference.acting.steering import LayerSteering
from moe_core.models.inference.watching.spans import Spans
from moe_core.models.scoring import router_probabilities

TOGETHER_BYTES = {"cpu": 1 << 20, "cuda": 64 << 20}
"""What the probabilities of layers that are summed up together may take: what a core's cache holds; on a GPU one kernel
for many layers costs hardly more than for one, and one for each layer was 4 % of a pass."""
_FLOAT16_MAX = torch.finfo(torch.float16).max


@dataclass(frozen=True)
class LayersRouting:
    """The routing of a batch in some layers, one after the other, on the model's device, in the types of a trace.

    ids, weights [L, B, T, K]; token_count, gate_share_sum [L, R, E]; entropy sums [L, R]; sorted_share_sum [L, R, K];
    answer_ids, answer_weights [L, B, K] and answer_probs [L, B, E] at each row's last token; finite [L, B] tells
    whether all of a row's router logits were.
    """

    ids: Tensor
    weights: Tensor
    token_count: Tensor
    gate_share_sum: Tensor
    topk_entropy_sum: Tensor
    topk_entropy_square_sum: Tensor
    full_entropy_sum: Tensor
    full_entropy_square_sum: Tensor
    sorted_share_sum: Tensor
    answer_ids: Tensor
    answer_weights: Tensor
    answer_probs: Tensor
    finite: Tensor


@dataclass(frozen=True)
class SeenLayer:
    """What one layer did: the chosen ids and weights [N, K], and the router logits [N, E] as they were used.

    `weighed` are the weights that were used, and `own_logits` those before any mask; None where they are the same.
    """

    chosen: Chosen
    logits: Tensor
    weighed: Tensor | None = None
    own_logits: Tensor | None = None


class RouterWatch:
    """Records every router of a model while it is attached; `expect` must be called before each forward pass.

    `scoring` is the kind that the self-check found, by which router logits become probabilities. `steerings` act while
    `steering` is open.
    """

    def __init__(self, routers: Sequence[Router], scoring: str, steerings: Sequence[LayerSteering | None]) -> None:
        self._routers = routers
        self._scoring = scoring
        self._steerings = steerings
        self._steers = False
        self._spans: Spans | None = None
        self._first = 0  # the first layer that ran
        self._together = 0
        self._summed: list[LayersRouting] = []
        self._seen: dict[int, SeenLayer] = {}  # those that are not summed up yet
        self._logits: dict[int, tuple[Tensor, Tensor | None]] = {}  # [N, E] as used, and as they were before a mask

    @contextmanager
    def attached(self) -> Iterator["RouterWatch"]:
        """The watch with its hooks in place; they are gone afterwards, whatever happened."""
        with ExitStack() as hooks:
            for layer, router in enumerate(self._routers):
                gate = router.gate.register_forward_hook(self._after_gate(layer), with_kwargs=True)
                hooks.callback(gate.remove)
                if router.experts_are_told:
                    experts = router.experts.register_forward_pre_hook(self._before_experts(layer), with_kwargs=True)
                    hooks.callback(experts.remove)
            yield self

    @contextmanager
    def steering(self) -> Iterator[None]:
        """While open, routers are steered."""
        self._steers = True
        try:
            yield
        finally:
            self._steers = False

    def expect(self, spans: Spans) -> None:
        """Forget the last pass; the next one holds rows with these spans."""
        self.forget()
        self._spans = spans

    def forget(self) -> None:
        """Let go of what a pass left on the device."""
        self._spans = None
        self._summed.clear()
        self._seen.clear()
        self._logits.clear()

    def layers(self, first: int = 0) -> list[LayersRouting]:
        """What the pass did in all MoE layers from the `first` on; those before it were not run."""
        self._sum_up()
        assert self._first == first, "a router did not run"
        assert sum(len(part.finite) for part in self._summed) == len(self._routers) - first, "a router did not run"
        return list(self._summed)

    def _after_gate(self, layer: int) -> Any:
        router = self._routers[layer]

        def hook(module: torch.nn.Module, args: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> Any:
            steering, own = self._steerings[layer] if self._steers else None, None
            if steering is not None and steering.rerun is not None:
                own, output = router.logits(output), steering.rerun((args, keywords), output)
            self._logits[layer] = router.logits(output), own
            if not router.experts_are_told:
                said, weighed = router.said(output), None
                if steering is not None and steering.factor is not None:
                    output = router.weighed_output(output, steering.factor)
                    weighed = router.said(output)
                self._record(layer, said, weighed)
            return None if steering is None else output

        return hook

    def _before_experts(self, layer: int) -> Any:
        router = self._routers[layer]

        def hook(module: torch.nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> Call | None:
            steering, call = self._steerings[layer] if self._steers else None, (args, keywords)
            chosen = router.given(call)
            if steering is None or steering.factor is None:
                self._record(layer, chosen, None)
                return None
            call = router.weighed(call, steering.factor)
            self._record(layer, chosen, router.given(call))
            return call

        return hook

    def _record(self, layer: int, chosen: Chosen | None, weighed: Chosen | None) -> None:
        assert chosen is not None
        assert self._spans is not None, "no pass was expected"
        place = self._spans.last.device  # layers may lie on several devices
        logits, own = self._logits.pop(layer)
        if not self._seen and not self._summed:
            self._first = layer
            self._together = TOGETHER_BYTES.get(place.type, TOGETHER_BYTES["cuda"])
        self._seen[layer] = SeenLayer(
            Chosen(chosen.weights.to(place), chosen.ids.to(place)),
            logits.to(place),
            None if weighed is None else weighed.weights.to(place),
            None if own is None else own.to(place),
        )
        if len(self._seen) * logits.numel() * torch.float32.itemsize >= self._together:
            self._sum_up()

    def _sum_up(self) -> None:
        if not self._seen:
            return
        assert self._spans is not None
        first = self._first + sum(len(part.finite) for part in self._summed)
        assert list(self._seen) == list(range(first, first + len(self._seen))), "routers ran in another order"
        self._summed.append(summarise(list(self._seen.values()), self._scoring, self._spans))
        self._seen.clear()


def summarise(layers: Sequence[SeenLayer], scoring: str, spans: Spans) -> LayersRouting:
    """What a trace keeps of some layers: routing per token, and sums over the tokens of each span.

    A GPU's pass waits for its kernels to be started, so that each step is one for all layers, and there are few.
    """
    L, B, K, E = len(layers), spans.n_rows, layers[0].chosen.ids.shape[-1], layers[0].logits.shape[-1]
    R, T = spans.inside.shape
    # Gates may choose in any order (topk of sorted=False); a trace has the largest weight first, boosted or not.
    chosen = torch.stack([layer.chosen.weights for layer in layers])  # [L, N, K]
    used, order = chosen.sort(dim=-1, descending=True, stable=True)
    ids = torch.stack([layer.chosen.ids for layer in layers]).gather(-1, order).view(L, B, T, K)
    is_boosted = any(layer.weighed is not None for layer in layers)
    if is_boosted:
        used = torch.stack([_first_of(layer.weighed, layer.chosen.weights) for layer in layers]).gather(-1, order)
    weights = used.view(L, B, T, K).float()
    logits = torch.stack([layer.logits for layer in layers])  # [L, N, E]
    own = logits
    if any(layer.own_logits is not None for layer in layers):
        own = torch.stack([_first_of(layer.own_logits, layer.logits) for layer in layers])
    # One kernel instead of the five of isfinite and all: the largest of all sizes is NaN where any logit is.
    finite = torch.linalg.vector_norm(own, torch.inf, dim=-1) < torch.inf  # [L, N]
    probs = router_probabilities(logits, scoring).view(L, B, T, E)
    shares = weights / weights.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)  # q [L, B, T, K]
    entropies = torch.cat([torch.special.entr(shares).sum(-1), torch.special.entr(probs).sum(-1)])  # [2 L, B, T]
    entropies = spans.of_rows(entropies).where(spans.inside, 0)  # [2 L, R, T]
    topk_entropy, full_entropy = entropies.sum(2).view(2, L, R)
    topk_square, full_square = entropies.square().sum(2).view(2, L, R)
    of_span = spans.inside[..., None]
    span_ids, span_shares = spans.of_rows(ids), spans.of_rows(shares).where(of_span, 0)  # [L, R, T, K]
    added = torch.stack([of_span.float().expand(L, R, T, K), span_shares]).view(2, L, R, T * K)
    sums = torch.zeros(2, L, R, E, device=ids.device)
    count, share = sums.scatter_add_(3, span_ids.reshape(1, L, R, T * K).expand(2, -1, -1, -1), added)
    kept_ids, kept_weights = ids.to(torch.uint8 if E <= 256 else torch.uint16), weights.half()
    return LayersRouting(
        ids=kept_ids,
        weights=kept_weights,
        token_count=count.to(torch.int32).to(torch.uint16),
        gate_share_sum=share.clamp(max=_FLOAT16_MAX).half(),
        topk_entropy_sum=topk_entropy,
        topk_entropy_square_sum=topk_square,
        full_entropy_sum=full_entropy,
        full_entropy_square_sum=full_square,
        sorted_share_sum=(span_shares.sort(-1, descending=True).values if is_boosted else span_shares).sum(2),
        answer_ids=kept_ids[:, spans.rows, spans.last],
        answer_weights=kept_weights[:, spans.rows, spans.last],
        answer_probs=probs[:, spans.rows, spans.last].half(),
        finite=(finite.view(L, B, T) | spans.padding).all(2),
    )


def _first_of(value: Tensor | None, otherwise: Tensor) -> Tensor:
    return otherwise if value is None else value
