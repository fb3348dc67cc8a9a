"""How a family turns router logits into chosen experts and gate weights, and the same again with experts switched off.

Axes: T tokens, E experts, K chosen experts.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # at run time only in the functions: a model folder is judged without loading torch
    import torch


@dataclass(frozen=True)
class RouterSpec:
    """One family's scoring: softmax over all E experts in float32, the K largest, divided by their sum or not.

    `float32_weights`: the gate weights stay float32 (Mixtral) rather than being cast to the logits' dtype.
    """

    scoring: Literal["softmax_topk"]
    top_k: int
    normalised: bool
    float32_weights: bool = False


def router_probabilities(logits: "torch.Tensor") -> "torch.Tensor":
    """Softmax over the last axis, float32 [T, E]; each row sums to 1."""
    import torch

    return torch.nn.functional.softmax(logits, dtype=torch.float, dim=-1)


def rescore(
    logits: "torch.Tensor", spec: RouterSpec, *, rerouted: "torch.Tensor | None" = None
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Gate weights [T, K] and expert ids [T, K] (int64, descending by weight) for router logits [T, E].

    `rerouted` (bool [E]) marks the experts the router may not choose: their logit becomes minus infinity before
    scoring, so the next-best expert steps in, exactly as if they had been pruned. Without it the result is bit for
    bit what the model's own router module computes from these logits. At least K experts must be left: an
    Intervention is checked for that when it is built.
    """
    if rerouted is not None:
        logits = logits.masked_fill(rerouted.to(logits.device), float("-inf"))
    weights, ids = router_probabilities(logits).topk(spec.top_k, dim=-1)  # [T, K] each
    if spec.normalised:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return (weights if spec.float32_weights else weights.to(logits.dtype)), ids
