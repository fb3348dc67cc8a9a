"""Hooks on the routers that keep, for one forward pass, what a trace stores. Nothing else of the model is touched.

Axes: B rows of the batch, R spans of them (inference/spans.py), T tokens per row (padding included), N tokens of all
rows, L MoE layers, E experts, K chosen experts.
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

TOGETHER_BYTES = {"cpu": 1 << 20, "cuda": 64 << 20}
"""What the probabilities of layers that are summed up together may take: what a core's cache holds; on a GPU one kernel
for many layers costs hardly more than for one, and one for each layer was 4 % of a pass."""


@dataclass(frozen=True)
class LayersRouting:
    """The routing of a batch in some layers, one after the other, on the model's device.

    ids, weights [L, B, T, K]; token_count, gate_share_sum [L, R, E]; entropy sums [L, R]; sorted_share_sum [L, R, K];
    answer_probs [L, B, E] at each row's last token; finite [L, B] tells whether all of a row's router logits were.
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


@dataclass(frozen=True)
class SeenLayer:
    """What one layer did: the chosen ids and weights [N, K], the weights that were used, and the router logits [N, E]
    as they were used, and as they were before any mask.
    """

    chosen: Chosen
    used_weights: Tensor
    logits: Tensor
    own_logits: Tensor


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
        self._logits: dict[int, tuple[Tensor, Tensor]] = {}  # [N, E] as used, and as they were before

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
            steering = self._steerings[layer] if self._steers else None
            own = router.logits(output)
            if steering is not None and steering.rerun is not None:
                output = steering.rerun((args, keywords), output)
            self._logits[layer] = router.logits(output), own
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
        place = self._spans.row.device  # layers may lie on several devices
        logits, own = (values.to(place) for values in self._logits.pop(layer))
        chosen = Chosen(chosen.weights.to(place), chosen.ids.to(place))
        if not self._seen and not self._summed:
            self._first = layer
            self._together = TOGETHER_BYTES.get(place.type, TOGETHER_BYTES["cuda"])
        self._seen[layer] = SeenLayer(chosen, weighed.weights.to(place), logits, own)
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
    """What a trace keeps of some layers: routing per token, and sums over the tokens of each span."""
    chosen = torch.stack([layer.chosen.weights for layer in layers])  # [L, N, K]
    # Gates may choose in any order (topk of sorted=False); a trace has the largest weight first, boosted or not.
    order = chosen.argsort(dim=-1, descending=True, stable=True)
    ids = torch.stack([layer.chosen.ids for layer in layers]).gather(-1, order)
    used = torch.stack([layer.used_weights for layer in layers]).gather(-1, order)
    probs = router_probabilities(torch.stack([layer.logits for layer in layers]), scoring)  # [L, N, E]
    finite = torch.stack([layer.own_logits for layer in layers]).isfinite().all(-1)  # [L, N]
    L, B, K, E = len(layers), spans.n_rows, ids.shape[-1], probs.shape[-1]
    ids, weights = ids.view(L, B, -1, K), used.view(L, B, -1, K).float()  # [L, B, T, K]
    probs = probs.view(L, B, -1, E)  # [L, B, T, E]
    R, T = len(spans.listed), ids.shape[2]
    inside = spans.inside  # [R, T]
    shares = weights / weights.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)  # q [L, B, T, K]
    topk_entropy = spans.of_rows(torch.special.entr(shares).sum(-1)).where(inside, 0)  # [L, R, T]
    full_entropy = spans.of_rows(torch.special.entr(probs).sum(-1)).where(inside, 0)
    of_span = inside[..., None]
    slots = of_span.float().expand(L, R, T, K).reshape(L, R, -1)
    span_ids = spans.of_rows(ids).reshape(L, R, -1)
    span_shares = spans.of_rows(shares).where(of_span, 0)  # [L, R, T, K]
    nothing = torch.zeros(L, R, E, device=ids.device)
    return LayersRouting(
        ids=ids,
        weights=weights,
        token_count=torch.zeros_like(nothing).scatter_add_(2, span_ids, slots),
        gate_share_sum=nothing.scatter_add_(2, span_ids, span_shares.reshape(L, R, -1)),
        topk_entropy_sum=topk_entropy.sum(2),
        topk_entropy_square_sum=topk_entropy.square().sum(2),
        full_entropy_sum=full_entropy.sum(2),
        full_entropy_square_sum=full_entropy.square().sum(2),
        sorted_share_sum=span_shares.sort(-1, descending=True).values.sum(2),
        answer_probs=probs[:, spans.rows, spans.last],
        finite=(finite.view(L, B, T) | spans.padding).all(2),
    )
