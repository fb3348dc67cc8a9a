"""JetMoE (https://arxiv.org/abs/2404.07413): its router hands tokens out sorted by expert, in place of ids.

Its attention has experts of its own kind too, which are left as they are: only those of the feed-forward are watched.
"""

from typing import Any

import torch
from torch import Tensor

from moe_core.models.closing import cut
from moe_core.models.families.declared import layer_number
from moe_core.models.family import Call, Chosen, ModelFamily, Rerun, Router, spread


class _JetMoeRouter(Router):
    experts_are_told = False

    def logits(self, output: Any) -> Tensor:
        """The last of what the router returns [T, E]."""
        logits: Tensor = output[-1]
        return logits

    def said(self, output: Any) -> Chosen | None:
        """The choice, put back into the order of the tokens."""
        order, _, sorted_weights, sizes, logits = output
        shape = (len(logits), len(order) // len(logits))  # [T, K]
        ids, weights = torch.empty_like(order), torch.empty_like(sorted_weights)
        ids[order] = _experts(sizes, order.device)
        weights[order] = sorted_weights
        return Chosen(weights.view(shape), ids.view(shape))

    def weighed_output(self, output: Any, factor: Tensor) -> Any:
        """Weights, sorted by expert, times their expert's factor."""
        order, rows, weights, sizes, logits = output
        return order, rows, weights * factor.to(weights)[_experts(sizes, weights.device)], sizes, logits

    def closing(self, closed: Tensor) -> Rerun:
        """The router without the closed rows; closed experts are handed no token."""
        keep = (~closed).nonzero().flatten()
        small = cut(self.gate, keep, len(closed))

        def rerun(call: Call, output: Any) -> Any:
            order, rows, weights, kept_sizes, logits = small(*call[0], **call[1])
            sizes = [0] * len(closed)
            for expert, size in zip(keep.tolist(), kept_sizes, strict=True):
                sizes[expert] = size
            return order, rows, weights, sizes, spread(logits, keep, closed, float("-inf"))

        return rerun


def _experts(sizes: list[int], device: torch.device) -> Tensor:
    """The expert of every place in the sorted order."""
    return torch.repeat_interleave(torch.arange(len(sizes), device=device), torch.tensor(sizes, device=device))


def _find(model: Any) -> tuple[Router, ...]:
    return tuple(
        _JetMoeRouter(layer_number(name), block.router, block.input_linear)
        for name, block in model.named_modules()
        if type(block).__name__ == "JetMoeMoE"
    )


JETMOE = ModelFamily("jetmoe", ("jetmoe",), _find)
