"""Turns the routing of a batch into one record per question as a trace stores it: one copy off the device, then rows.

Axes: B rows of the batch, R spans of them (spans.py), T tokens per row (padding included), L MoE layers,
E experts, K chosen experts, C choices.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.models.inference.watching.router_watch import LayersRouting
from moe_core.models.inference.watching.spans import Spans
from moe_core.traces.layout import SUM_NAMES
from moe_core.traces.records import Answer, SegmentRouting, SegmentSums, Status, TokenRouting

_NUMPY: dict[torch.dtype, str] = {
    torch.float32: "f4",
    torch.float16: "f2",
    torch.uint16: "u2",
    torch.uint8: "u1",
    torch.bool: "?",
}
TOKEN_NAMES = ("ids", "weights")
ANSWER_NAMES = ("answer_ids", "answer_weights", "answer_probs")


class Packed:
    """Tensors of one device as arrays, by name and part, once they have come; read-only, since they share their memory.

    On a GPU the copy is begun and not waited for until the first array is asked for.
    """

    def __init__(self, tensors: Mapping[tuple[str, int], Tensor]) -> None:
        by_size = sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize)  # so that each lies where it may
        self._places: dict[tuple[str, int], tuple[int, torch.dtype, torch.Size]] = {}
        place = 0
        for name, tensor in by_size:
            self._places[name] = (place, tensor.dtype, tensor.shape)
            place += tensor.numel() * tensor.dtype.itemsize
        together = torch.cat([tensor.contiguous().view(-1).view(torch.uint8) for _, tensor in by_size])
        self._arrived: torch.cuda.Event | None = None
        if together.is_cuda:
            self._bytes = torch.empty(place, dtype=torch.uint8, pin_memory=True)
            self._bytes.copy_(together, non_blocking=True)
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch annotates no events
            self._arrived.record(torch.cuda.current_stream(together.device))
        else:
            self._bytes = together.cpu()

    @cached_property
    def arrays(self) -> dict[tuple[str, int], NDArray[Any]]:
        """Them, as soon as they have come."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return {name: self._array(*place) for name, place in self._places.items()}

    def _array(self, place: int, dtype: torch.dtype, shape: torch.Size) -> NDArray[Any]:
        count = shape.numel()
        bytes_of_it = self._bytes.numpy()[place : place + count * dtype.itemsize]
        found: NDArray[Any] = bytes_of_it.view(_NUMPY[dtype]).reshape(tuple(shape))
        found.flags.writeable = False
        return found


class BatchRouting:
    """The routing of one forward pass, on its way off the device; `segment` and `answer` wait for it and cut out rows.

    `choice_logprobs` [B, C] travel with it. Making one waits for nothing, so that the device can go on meanwhile.
    """

    def __init__(
        self,
        layers: Sequence[LayersRouting],
        spans: Spans,
        choice_logprobs: Tensor | None,
        *,
        keep_tokens: bool,
        before: "BatchRouting | None" = None,
        n_before: int = 0,
    ) -> None:
        """`layers` are those that ran; what the first `n_before` did is in `before`, an earlier pass of the batch."""
        self._spans = spans.listed
        self._before, self._n_before = before, n_before
        self.keeps_tokens = keep_tokens
        names = (*ANSWER_NAMES, *SUM_NAMES, "finite")
        tensors = {(name, part): getattr(layer, name) for part, layer in enumerate(layers) for name in names}
        if choice_logprobs is not None:
            tensors["choice_logprobs", 0] = choice_logprobs.float()
        if keep_tokens:  # by question, then layer: each question's rows then lie together
            for name in TOKEN_NAMES:
                tensors[name, 0] = _together([getattr(layer, name) for layer in layers]).permute(1, 2, 0, 3)
        self._packed = Packed(tensors)

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        """What was packed, by name, the layers that did not run included: [L, ..], and tokens [B, T, L, K]."""
        parts: dict[str, list[NDArray[Any]]] = {}
        for (name, _), array in self._packed.arrays.items():
            parts.setdefault(name, []).append(array)
        if self._before is not None:
            for name, found in parts.items():
                if name != "choice_logprobs":
                    before, axis = self._before._arrays[name], _layer_axis(name)
                    found.insert(0, before.take(range(self._n_before), axis=axis))
        self._before = None  # it may hold on to others, and to what they were packed into
        return {
            name: found[0] if len(found) == 1 else np.concatenate(found, axis=_layer_axis(name))
            for name, found in parts.items()
        }

    @property
    def all_finite(self) -> bool:
        """Whether all router logits of all rows were finite."""
        return bool(self._arrays["finite"].all())

    def is_finite(self, row: int) -> bool:
        """Whether all router logits of a row were finite."""
        return bool(self._arrays["finite"][:, row].all())

    def segment(self, number: int) -> SegmentRouting:
        """The routing of one span's tokens; sums of a row whose router was not finite are 0 where they are not, too.

        Of other rows only entropies over all experts may be NaN: where the router's scoring is unknown.
        """
        span = self._spans[number]
        sums = {name: self._arrays[name][:, number] for name in SUM_NAMES}
        if not self.is_finite(span.row):
            sums = {name: np.nan_to_num(values, posinf=0, neginf=0) for name, values in sums.items()}
        own = slice(span.start, span.stop)
        tokens = (
            TokenRouting(self._arrays["ids"][span.row, own], self._arrays["weights"][span.row, own])
            if self.keeps_tokens
            else None
        )
        return SegmentRouting(SegmentSums(**sums), tokens)

    def answer(self, row: int, n_choices: int, *, prefix_finite: bool, in_smaller_batch: bool) -> Answer:
        """The answer of one row: the first largest log-probability, or the reason why there is none.

        Plain text has no choice to be predicted, and is answered when its numbers are finite.
        """
        status = Status.ANSWERED
        choice_logprobs = self._arrays["choice_logprobs"][row]
        if not (self.is_finite(row) and prefix_finite):
            status = Status.NON_FINITE_ROUTER
        elif not np.isfinite(choice_logprobs[:n_choices]).all():
            status = Status.NON_FINITE_ANSWER
        answered = status is Status.ANSWERED
        return Answer(
            experts=self._arrays["answer_ids"][:, row],
            weights=self._arrays["answer_weights"][:, row],
            router_probs=self._arrays["answer_probs"][:, row],
            choice_logprobs=choice_logprobs,
            predicted=int(np.argmax(choice_logprobs[:n_choices])) if answered and n_choices else -1,
            status=status,
            in_smaller_batch=in_smaller_batch,
        )


def _layer_axis(name: str) -> int:
    return 2 if name in TOKEN_NAMES else 0


def _together(parts: Sequence[Tensor]) -> Tensor:
    """Them one after the other; a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
