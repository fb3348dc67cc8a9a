"""Whether a model fits into a device's memory, told from the weight files' headers before anything is loaded."""

import ctypes
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import DeviceError, Remedy
from moe_core.models.loading.architecture import Architecture
from moe_core.models.loading.quantisation import n_weights
from moe_core.models.loading.safetensors_headers import TensorHeader
from moe_core.numbers.formatting import data_size

BYTES_PER_VALUE = {"float32": 4, "bfloat16": 2, "float16": 2}
_DTYPE_NAMES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
_ONE_EXPERT = re.compile(r"\.experts\.\d+\.")
WORKING_TOKENS = 4096  # tokens in flight that room is kept for; more of them only make batches faster
HELD_BATCHES = {"cpu": 4, "cuda": 2}
"""So many batches' tokens are held at once as keys and values where a run acts at the answer alone, by kind of device:
on a GPU's memory, which is small, batches are large already."""
WIDENED = 3
"""How many times as many they may be as wide as the widest row, as one layer attends to them at a time."""
GB = 1e9


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a model needs: its experts' weights, all other weights, and room for a batch of tokens.

    `loading` is what is needed besides the weights until they are in place; a batch comes only after that. `answers` is
    what takes the place of `working` at most where a run acts at the answer alone: the tokens of several batches, kept.
    """

    experts: int
    others: int
    working: int
    loading: int = 0
    answers: int = 0

    @property
    def total(self) -> int:
        """At the peak, in bytes."""
        return self.experts + self.others + max(self.working, self.loading)


def estimate_memory(
    tensors: Mapping[str, TensorHeader],
    architecture: Architecture,
    dtype: str,
    *,
    device: str = "cpu",
) -> MemoryEstimate:
    """Memory for the weights in `dtype` and for batches of WORKING_TOKENS tokens (activations, keys and values)."""
    size = BYTES_PER_VALUE[dtype]
    experts = sum(n_weights(name, tensor) for name, tensor in tensors.items() if _is_of_experts(name))
    others = sum(n_weights(name, tensor) for name, tensor in tensors.items() if not _is_of_experts(name))
    copies = _share_of_copies(tensors, dtype) if device == "cpu" else 0.0
    loading = int(copies * (experts + others) * size)
    activations, kept = (WORKING_TOKENS * n * size for n in _values_per_token(architecture))
    held = HELD_BATCHES.get(device.partition(":")[0], HELD_BATCHES["cpu"]) * kept
    answers = held + max(activations, WIDENED * held // architecture.n_layers)
    return MemoryEstimate(experts * size, others * size, activations + kept, loading, answers)


def _share_of_copies(tensors: Mapping[str, TensorHeader], dtype: str) -> float:
    """Copies that lie beside the weights while they load, as a share of them: of single experts, or of another type.

    Measured with a model of 1.1 GB in float32 from experts of their own in bfloat16: 0.35 of it with blocks that go
    back at once (system/allocator.py), 1.2 where the system keeps them.
    """
    as_they_are = all(tensor.dtype == _DTYPE_NAMES[dtype] for tensor in tensors.values())
    if as_they_are and not any(_ONE_EXPERT.search(name) for name in tensors):
        return 0.0
    return 0.4 if sys.platform.startswith("linux") else 1.2


def _is_of_experts(name: str) -> bool:
    return ".experts." in name or "block_sparse_moe.input_linear" in name or "block_sparse_moe.output_linear" in name


def check_fits(estimate: MemoryEstimate, free: int | None, device: str) -> None:
    """Raise DeviceError, naming the part that does not fit, unless the estimate fits into `free` bytes.

    `free` of None (unknown) passes.
    """
    lacking = lacking_part(estimate, free)
    if free is None or lacking is None:
        return
    part, needed = lacking
    raise DeviceError(
        f"The model does not fit: {part} need {data_size(needed)} of the {data_size(free)} free on {device} "
        f"(experts {data_size(estimate.experts)}, other weights {data_size(estimate.others)}, working memory "
        f"{data_size(estimate.working)}{_while_loading(estimate)}).",
        Remedy.CHOOSE_DEVICE_OR_DTYPE,
    )


def _while_loading(estimate: MemoryEstimate) -> str:
    return f", copies while loading {data_size(estimate.loading)}" if estimate.loading else ""


def lacking_part(estimate: MemoryEstimate, free: int | None) -> tuple[str, int] | None:
    """What does not fit into `free` bytes and how many it needs, the experts first; None where all fits or may fit."""
    parts = (
        ("the experts' weights", estimate.experts),
        ("all weights together", estimate.experts + estimate.others),
        ("the weights and room for one batch", estimate.experts + estimate.others + estimate.working),
        ("the weights and their copies while they load", estimate.total),
    )
    return None if free is None else next((part for part in parts if part[1] > free), None)


def free_memory(device: str) -> int | None:
    """Bytes free on `device` ("cpu", "mps", "cuda:0"); None where the system does not tell."""
    if device.startswith("cuda"):
        import torch

        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + cached)  # torch keeps what a model before left, for the next
    if sys.platform == "win32":
        return _free_on_windows()
    try:  # Linux counts what caches would give back as available
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return _physical_memory()


def _values_per_token(architecture: Architecture) -> tuple[int, int]:
    """Values that a token takes while it is run, and its keys and values."""
    hidden, top_k, config = architecture.hidden_size, architecture.top_k, architecture.config
    widest = max(3 * architecture.expert_width * top_k, 3 * (getattr(config, "intermediate_size", None) or 0))
    heads = int(config.num_attention_heads)
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    head_size = getattr(config, "head_dim", None) or hidden // heads
    keys_and_values = 2 * key_heads * head_size * architecture.n_layers
    # At the peak a layer holds the stream, its sorted copies per chosen expert, and the experts' inner values.
    return int(6 * hidden + 2 * top_k * hidden + widest), int(keys_and_values)


def _physical_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


class _MemoryStatus(ctypes.Structure):
    _fields_ = (
        ("dwLength", ctypes.c_ulong),
        ("dwMemoryLoad", ctypes.c_ulong),
        ("ullTotalPhys", ctypes.c_ulonglong),
        ("ullAvailPhys", ctypes.c_ulonglong),
        ("ullTotalPageFile", ctypes.c_ulonglong),
        ("ullAvailPageFile", ctypes.c_ulonglong),
        ("ullTotalVirtual", ctypes.c_ulonglong),
        ("ullAvailVirtual", ctypes.c_ulonglong),
        ("ullAvailExtendedVirtual", ctypes.c_ulonglong),
    )


def _free_on_windows() -> int | None:
    status = _MemoryStatus(dwLength=ctypes.sizeof(_MemoryStatus))
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009  # absent from the types on other systems
    return int(status.ullAvailPhys) if kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
