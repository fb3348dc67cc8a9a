"""Turns the routing of a batch, still on the device, into one record per question as a trace stores it.

Axes: B rows of the batch, T tokens per row (padding included), L MoE layers, E experts, K chosen experts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.models.inference.router_watch import LayerRouting
from moe_core.traces.layout import SUM_NAMES
from moe_core.traces.records import Answer, SegmentRouting, SegmentSums, Status, TokenRouting


class BatchRouting:
    """The routing of one forward pass, moved off the device once; `segment` and `answer` cut out one row."""

    def __init__(self, layers: Sequence[LayerRouting], lengths: Sequence[int], *, keep_tokens: bool) -> None:
        id_dtype = torch.uint8 if layers[0].token_count.shape[-1] <= 256 else torch.uint16
        self._lengths = lengths
        self._keep_tokens = keep_tokens
        last = torch.tensor(lengths, device=layers[0].ids.device) - 1
        rows = torch.arange(len(lengths), device=last.device)
        self._answer_ids = _stack([layer.ids[rows, last].to(id_dtype) for layer in layers])  # [B, L, K]
        self._answer_weights = _stack([layer.weights[rows, last].half() for layer in layers])
        self._answer_probs = _stack([layer.answer_probs.half() for layer in layers])  # [B, L, E]
        self._sums = {name: _stack([getattr(layer, name) for layer in layers]) for name in SUM_NAMES}
        self.finite: NDArray[np.bool_] = np.all(_stack([layer.finite for layer in layers]), axis=1)  # [B]
        if keep_tokens:
            self._ids = _stack([layer.ids.to(id_dtype) for layer in layers], dim=2)  # [B, T, L, K]
            self._weights = _stack([layer.weights.half() for layer in layers], dim=2)

    def segment(self, row: int) -> SegmentRouting:
        """The routing of one row's real tokens; sums of a row with values that are not finite are 0."""
        length = self._lengths[row]
        sums = {name: np.nan_to_num(values[row], posinf=0, neginf=0) for name, values in self._sums.items()}
        token_count = sums.pop("token_count").astype(np.uint16)
        tokens = TokenRouting(self._ids[row, :length], self._weights[row, :length]) if self._keep_tokens else None
        return SegmentRouting(SegmentSums(token_count, **sums), tokens)

    def answer(
        self,
        row: int,
        choice_logprobs: NDArray[np.float32],
        n_choices: int,
        *,
        prefix_finite: bool,
        in_smaller_batch: bool,
    ) -> Answer:
        """The answer of one row: the first largest log-probability, or the reason why there is none."""
        status = Status.ANSWERED
        if not (self.finite[row] and prefix_finite):
            status = Status.NON_FINITE_ROUTER
        elif not np.isfinite(choice_logprobs[:n_choices]).all():
            status = Status.NON_FINITE_ANSWER
        answered = status is Status.ANSWERED
        return Answer(
            experts=self._answer_ids[row],
            weights=self._answer_weights[row],
            router_probs=self._answer_probs[row],
            choice_logprobs=choice_logprobs,
            predicted=int(np.argmax(choice_logprobs[:n_choices])) if answered else -1,
            status=status,
            in_smaller_batch=in_smaller_batch,
        )


def _stack(per_layer: Sequence[Tensor], dim: int = 1) -> NDArray[Any]:
    stacked: NDArray[Any] = torch.stack(list(per_layer), dim=dim).cpu().numpy()
    return stacked
