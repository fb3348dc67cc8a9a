"""What to make of a forward pass that the device did not survive: too little memory, or a device that is lost."""

import gc
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

log = logging.getLogger(__name__)

T = TypeVar("T")
_LONGEST = 160
# Memory runs out in several libraries, and only PyTorch's own allocators have an error class for it.
_OUT_OF_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory|STATUS_ALLOC_FAILED", re.IGNORECASE)
_DEVICE = re.compile(r"\b(CUDA|cuBLAS|CUBLAS|cuDNN|CUDNN|HIP|hipBLAS|MPS|NCCL)\b")


@dataclass(frozen=True)
class DeviceFailure:
    """Why a pass failed, in the first line of what the device said; `is_memory`: with fewer rows it may succeed."""

    is_memory: bool
    reason: str


def attempt(work: Callable[[], T]) -> T | DeviceFailure:
    """The result, or how the device failed; other errors are raised. Of a failed pass nothing stays in memory."""
    try:
        return work()
    except RuntimeError as error:
        failure = _judge(error)
        if failure is None:
            raise
    # Only here is the exception gone, and with it its traceback, which holds every tensor of the failed pass.
    gc.collect()
    _empty_caches()
    log.warning("A forward pass failed: %s", failure.reason)
    return failure


def _judge(error: RuntimeError) -> DeviceFailure | None:
    text = str(error)
    reason = " ".join(text.split("\n")[0].split())[:_LONGEST].rstrip(".")
    if isinstance(error, torch.OutOfMemoryError) or _OUT_OF_MEMORY.search(text):
        return DeviceFailure(is_memory=True, reason=reason)
    if isinstance(error, torch.AcceleratorError) or _DEVICE.search(text):
        return DeviceFailure(is_memory=False, reason=reason)
    return None


def _empty_caches() -> None:
    try:
        torch.cuda.empty_cache()  # does nothing where CUDA is not in use
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()
    except RuntimeError as error:  # a lost device refuses this too; the failure itself is what counts
        log.warning("The device's memory could not be freed: %s", error)
