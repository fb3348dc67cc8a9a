"""Tensors that leave the device together: one copy, which the device and the program need not wait for."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

_NUMPY: dict[torch.dtype, str] = {
    torch.float32: "f4",
    torch.float16: "f2",
    torch.uint16: "u2",
    torch.uint8: "u1",
    torch.bool: "?",
}


class Packed:
    """Tensors of one device as arrays, by name, once they have come; they are read-only, since they share their memory.

    On a GPU the copy is begun and not waited for until the first array is asked for.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        by_size = sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize)  # so that each lies where it may
        self._places: dict[str, tuple[int, torch.dtype, torch.Size]] = {}
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
    def arrays(self) -> dict[str, NDArray[Any]]:
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
