"""The job that tells what a model is, what it would download and whether it would fit, without loading it."""

from collections.abc import Generator
from dataclasses import dataclass

from moe_core.errors import MissingExtraError
from moe_core.jobs.engine import Engine
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.load_model import ModelRequest
from moe_core.models.loading.hub_contents import ModelContents, folder_contents, hub_contents
from moe_core.models.loading.memory import MemoryEstimate, estimate_memory, free_memory, lacking_part
from moe_core.models.loading.source import HubModel, find_model


@dataclass(frozen=True)
class ModelSummary:
    """A model as config.json and the headers of its weight files describe it.

    `n_layers` counts the layers with experts. `download_bytes` is 0 where all is on this computer. `free` are the bytes
    free on `device`, a model that the engine would let go of included; None where the system does not tell. `lacking`
    names the part that does not fit and is empty where all does.
    """

    name: str
    family: str
    n_layers: int
    n_experts: int
    top_k: int
    n_parameters: int
    download_bytes: int
    device: str
    dtype: str
    memory: MemoryEstimate
    free: int | None
    lacking: str

    @property
    def fits(self) -> bool:
        """Whether loading would be tried; unknown free memory counts as enough."""
        return not self.lacking


def inspect_model(request: ModelRequest, engine: Engine | None = None) -> Generator[Event, None, ModelSummary]:
    """The summary of a model; raises ModelError and DeviceError as loading it would."""
    yield Stage(f"Looking for {request.model}")
    source = find_model(request.model, request.revision)
    if isinstance(source, HubModel):
        contents = yield from _asked(source, offline=request.offline)
    else:
        contents = folder_contents(source.folder)
    yield Stage("Loading the engine")
    try:
        from moe_core.models.loading.building import resolve_device
    except ImportError as error:
        raise MissingExtraError("model", "Loading a model") from error
    device, dtype = resolve_device(request.device, request.dtype)
    free = free_memory(device)
    if free is not None and engine is not None:
        free += engine.held_bytes(device)
    return _summary(source.name, contents, device, dtype, free)


def _asked(hub: HubModel, *, offline: bool) -> Generator[Event, None, ModelContents]:
    yield Stage(f"Asking for {hub.name}")
    asking = hub_contents(hub, offline=offline)
    while True:
        try:
            file = next(asking)
        except StopIteration as done:
            contents: ModelContents = done.value
            return contents
        yield Stage(f"Asking for {file} of {hub.name}")


def _summary(name: str, contents: ModelContents, device: str, dtype: str, free: int | None) -> ModelSummary:
    config, family = contents.config, contents.family
    memory = estimate_memory(contents.tensors, config, family, dtype)
    lacking = lacking_part(memory, free)
    return ModelSummary(
        name=name,
        family=family.name,
        n_layers=len(family.moe_layers(config)),
        n_experts=family.n_experts(config),
        top_k=family.top_k(config),
        n_parameters=sum(tensor.n_elements for tensor in contents.tensors.values()),
        download_bytes=contents.download_bytes,
        device=device,
        dtype=dtype,
        memory=memory,
        free=free,
        lacking=lacking[0] if lacking else "",
    )
