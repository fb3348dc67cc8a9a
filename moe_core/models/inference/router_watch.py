"""Hooks on the routers that keep, for one forward pass, what a trace stores. Nothing else of the model is touched.

Axes: B rows of the batch, R spans of them (inference/spans.py), T tokens per row (padding included), L MoE layers,
E experts, K chosen experts.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from moe_core.models.family import Call, Chosen, Router
from moe_core.models.inference.spans import Spans
from moe_core.models.inference.steering import LayerSteering
from moe_core.models.scoring import router_probabilities


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
        self._layers: dict[int, LayerRouting] = {}
        self._logits: dict[int, tuple[Tensor, Tensor]] = {}  # [T, E] as used, and whether they were finite [T]

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
        self._spans = spans
        self._layers.clear()
        self._logits.clear()

    def forget(self) -> None:
        """Let go of what a pass left on the device."""
        self._spans = None
        self._layers.clear()
        self._logits.clear()

    def layers(self, first: int = 0) -> list[LayerRouting]:
        """What the pass did, one item per MoE layer from the `first` on; those before it were not run."""
        assert set(self._layers) == set(range(first, len(self._routers))), "a router did not run"
        return [self._layers[layer] for layer in range(first, len(self._routers))]

    def _after_gate(self, layer: int) -> Any:
        router = self._routers[layer]

        def hook(module: torch.nn.Module, args: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> Any:
            steering = self._steerings[layer] if self._steers else None
            finite = router.logits(output).isfinite().all(-1)
            if steering is not None and steering.rerun is not None:
                output = steering.rerun((args, keywords), output)
            self._logits[layer] = router.logits(output), finite
            if not router.experts_are_told:
                said = router.said(output)
                if steering is not None and steering.factor is not None:
                    output = router.weighed_output(output, steering.factor)
                self._record(layer, said, router.said(output))
            return None if steering is None else output

        return hook

    def _before_experts(self, layer: int) -> Any:
        router = self._routers[layer]

        def hook(module: torch.nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> Call | None:
            steering, call = self._steerings[layer] if self._steers else None, (args, keywords)
            chosen = router.given(call)
            if steering is None or steering.factor is None:
                self._record(layer, chosen, chosen)
                return None
            call = router.weighed(call, steering.factor)
            self._record(layer, chosen, router.given(call))
            return call

        return hook

    def _record(self, layer: int, chosen: Chosen | None, weighed: Chosen | None) -> None:
        assert chosen is not None
        assert weighed is not None
        assert self._spans is not None, "no pass was expected"
        logits, finite = self._logits.pop(layer)
        # Gates may choose in any order (topk of sorted=False); a trace has the largest weight first, boosted or not.
        order = chosen.weights.argsort(dim=-1, descending=True, stable=True)
        used = Chosen(weighed.weights.gather(-1, order), chosen.ids.gather(-1, order))
        probs, place = router_probabilities(logits, self._scoring), self._spans.row.device
        used = Chosen(used.weights.to(place), used.ids.to(place))  # layers may lie on several devices
        self._layers[layer] = summarise(used, probs.to(place), finite.to(place), self._spans)


def summarise(used: Chosen, probs: Tensor, finite: Tensor, spans: Spans) -> LayerRouting:
    """What a trace keeps of one layer: routing per token, and sums over the tokens of each span."""
    B, K, E = spans.n_rows, used.ids.shape[-1], probs.shape[-1]
    ids = used.ids.view(B, -1, K)  # [B, T, K]
    weights = used.weights.view(B, -1, K).float()
    probs = probs.view(B, -1, E)  # [B, T, E]
    R, T = len(spans.row), ids.shape[1]
    inside = spans.inside  # [R, T]
    shares = weights / weights.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)  # q [B, T, K]
    topk_entropy = spans.of_rows(torch.special.entr(shares).sum(-1)).where(inside, 0)  # [R, T]
    full_entropy = spans.of_rows(torch.special.entr(probs).sum(-1)).where(inside, 0)
    chosen = spans.of_rows(ids).reshape(R, -1)
    of_span = inside[..., None]
    slots = of_span.float().expand(R, T, K).reshape(R, -1)
    span_shares = spans.of_rows(shares).where(of_span, 0)  # [R, T, K]
    nothing = torch.zeros(R, E, device=ids.device)
    return LayerRouting(
        ids=ids,
        weights=weights,
        token_count=torch.zeros_like(nothing).scatter_add_(1, chosen, slots),
        gate_share_sum=nothing.scatter_add_(1, chosen, span_shares.reshape(R, -1)),
        topk_entropy_sum=topk_entropy.sum(1),
        topk_entropy_square_sum=topk_entropy.square().sum(1),
        full_entropy_sum=full_entropy.sum(1),
        full_entropy_square_sum=full_entropy.square().sum(1),
        sorted_share_sum=span_shares.sort(-1, descending=True).values.sum(1),
        answer_probs=probs[spans.rows, spans.last],
        finite=(finite.view(B, T) | spans.padding).all(1),
    )
