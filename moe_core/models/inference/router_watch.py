"""Hooks on the routers that keep, for one forward pass, what a trace stores. Nothing else of the model is touched.

Axes: B rows of the batch, R spans of them (inference/spans.py), T tokens per row (padding included), L MoE layers,
E experts, K chosen experts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from moe_core.models.family import Router
from moe_core.models.inference.spans import Spans
from moe_core.models.inference.steering import LayerSteering, RouterOutput
from moe_core.models.router_scoring import RouterSpec


@dataclass(frozen=True)
class LayerRouting:
    """One layer's routing of a batch, on the model's device.

    ids, weights [B, T, K]; token_count, gate_share_sum [R, E]; entropy sums [R]; sorted_share_sum [R, K];
    answer_probs [B, E] at each row's last token; finite [B] tells whether all of a row's router logits were finite.
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
    answer_probs: Tensor
    finite: Tensor


class RouterWatch:
    """Records every router of a model while it is attached; `expect` must be called before each forward pass."""

    def __init__(self, routers: Sequence[Router], spec: RouterSpec, steerings: Sequence[LayerSteering | None]) -> None:
        self._routers = routers
        self._spec = spec
        self._steerings = steerings
        self._spans: Spans | None = None
        self._layers: dict[int, LayerRouting] = {}

    @contextmanager
    def attached(self) -> Iterator["RouterWatch"]:
        """The watch with its hooks in place; they are gone afterwards, whatever happened."""
        handles = [router.gate.register_forward_hook(self._hook(layer)) for layer, router in enumerate(self._routers)]
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()

    def expect(self, spans: Spans) -> None:
        """Forget the last pass; the next one holds rows with these spans."""
        self._spans = spans
        self._layers.clear()

    def forget(self) -> None:
        """Let go of what a pass left on the device."""
        self._spans = None
        self._layers.clear()

    def layers(self) -> list[LayerRouting]:
        """What the pass did, one item per MoE layer."""
        assert len(self._layers) == len(self._routers), "a router did not run"
        return [self._layers[layer] for layer in range(len(self._routers))]

    def _hook(self, layer: int) -> Any:
        steering = self._steerings[layer]

        def record(module: torch.nn.Module, args: object, output: tuple[Tensor, Tensor, Tensor]) -> object:
            seen = RouterOutput(*output)
            finite = seen.logits.isfinite().all(-1)
            used = steering.apply(seen, self._spec) if steering else seen
            assert self._spans is not None, "no pass was expected"
            self._layers[layer] = summarise(used, finite, self._spans)
            return None if steering is None else (used.logits, used.weights, used.ids)

        return record


def summarise(output: RouterOutput, finite: Tensor, spans: Spans) -> LayerRouting:
    """What a trace keeps of one layer: routing per token, and sums over the tokens of each span."""
    B, K, E = spans.n_rows, output.ids.shape[-1], output.logits.shape[-1]
    ids = output.ids.view(B, -1, K)  # [B, T, K]
    weights = output.weights.view(B, -1, K).float()
    probs = output.logits.float().softmax(-1).view(B, -1, E)  # [B, T, E]
    R, T = len(spans.row), ids.shape[1]
    inside = spans.inside(T)  # [R, T]
    shares = weights / weights.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)  # q [B, T, K]
    topk_entropy = spans.of_rows(torch.special.entr(shares).sum(-1)).where(inside, 0)  # [R, T]
    full_entropy = spans.of_rows(torch.special.entr(probs).sum(-1)).where(inside, 0)
    chosen = spans.of_rows(ids).reshape(R, -1)
    of_span = inside[..., None]
    slots = of_span.expand(R, T, K).reshape(R, -1)
    span_shares = spans.of_rows(shares).where(of_span, 0)  # [R, T, K]
    nothing = torch.zeros(R, E, device=ids.device)
    padding = torch.arange(T, device=ids.device) > spans.last[:, None]
    return LayerRouting(
        ids=ids,
        weights=weights,
        token_count=nothing.scatter_add(1, chosen, slots.float()),
        gate_share_sum=nothing.scatter_add(1, chosen, span_shares.reshape(R, -1)),
        topk_entropy_sum=topk_entropy.sum(1),
        topk_entropy_square_sum=topk_entropy.square().sum(1),
        full_entropy_sum=full_entropy.sum(1),
        full_entropy_square_sum=full_entropy.square().sum(1),
        sorted_share_sum=span_shares.sort(-1, descending=True).values.sum(1),
        answer_probs=probs[torch.arange(B, device=ids.device), spans.last],
        finite=(finite.view(B, T) | padding).all(1),
    )
