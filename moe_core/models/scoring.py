"""From router logits to the router probabilities that a trace stores and entropies are taken of.

Gate weights are always the model's own; only this reading of its logits is ours, and the self-check says which of the
kinds below fits: the one to whose values the model's gate weights are proportional. Axes: T tokens, E experts.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

SCORINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda logits: logits.softmax(-1),
    "sigmoid": torch.sigmoid,
    "sqrtsoftplus": lambda logits: torch.nn.functional.softplus(logits).sqrt(),
}


def router_probabilities(logits: Tensor, scoring: str) -> Tensor:
    """p, float32 [T, E], each row divided by its sum; NaN where the kind is unknown. Closed experts (-inf) have 0."""
    if scoring not in SCORINGS:
        return torch.full_like(logits, torch.nan, dtype=torch.float32)
    scores = SCORINGS[scoring](logits.float())
    return scores if scoring == "softmax" else scores / scores.sum(-1, keepdim=True)
