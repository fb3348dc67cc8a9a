"""The job that brings a model into memory: find, download, check, load."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from moe_core.errors import MissingExtraError, ModelError
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.known_checks import remember
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.files.source import HubModel, ModelFolder, download, find_model, set_hub_variables
from moe_core.models.loading.memory import check_fits, estimate_memory, free_memory
from moe_core.models.loading.quantisation import quantisation_of
from moe_core.numbers.formatting import data_size
from moe_core.system.allocator import frugal_allocation

if TYPE_CHECKING:
    from moe_core.models.inference.model_here import ModelHere
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True)
class ModelRequest:
    """Which model, where and how; `model` is a hub id (`org/name[@revision]`), a folder, or `demo`.

    `compile`: questions are asked with norms and experts compiled.
    """

    model: str
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    offline: bool = False
    experts_implementation: str = "auto"
    compile: bool = False


def find_folder(request: ModelRequest) -> Generator[Event, None, ModelFolder]:
    """The model on this computer, fetched from the hub where that is allowed; raises ModelError where it is nowhere."""
    yield Stage(f"Looking for {request.model}")
    source = find_model(request.model, request.revision)
    if isinstance(source, HubModel):
        how = "Looking into the hub cache for" if request.offline else "Downloading"
        yield Stage(f"{how} {source.name}")
        source = download(source, offline=request.offline)
    return source


def load_model(request: ModelRequest) -> Generator[Event, None, "ModelHere"]:
    """The model in memory; closing the generator between two events cancels.

    Raises ModelError for a model that cannot or must not be loaded, DeviceError where there is no device or room.
    """
    source = yield from find_folder(request)
    set_hub_variables()  # before the first import of transformers
    yield Stage(f"Checking {source.name}")
    checked = check_folder(source.folder)
    yield Stage("Loading the engine")
    try:
        from moe_core.models.families import find_routers
        from moe_core.models.inference.model_here import ModelHere
        from moe_core.models.loading import building, spreading
        from moe_core.models.loading.checks.self_check import check_routing
        from moe_core.models.loading.tokenizer import load_tokenizer
    except ImportError as error:
        raise MissingExtraError("model", "Loading a model") from error
    building.silence_libraries()
    device, dtype = building.resolve_device(request.device, request.dtype)
    experts = building.choose_experts_implementation(request.experts_implementation, checked, dtype)
    estimate = estimate_memory(checked.tensors, checked.architecture, dtype, device=device)
    if device != building.BALANCED:
        check_fits(estimate, free_memory(device), device)
    if method := quantisation_of(checked.config):
        size = data_size(estimate.experts + estimate.others)
        yield Notice(f"The weights are {method} and are loaded as plain numbers: in {dtype} they need {size}")
    spread = None
    if device == building.BALANCED:
        spread = spreading.plan_spread(checked.architecture, dtype)
        yield Notice(f"The model is spread: {spread.text}")
    yield Stage(f"Loading {source.name} onto {device} as {dtype}")
    config = building.read_configuration(checked)
    tokenizer = load_tokenizer(checked)
    with frugal_allocation():
        model = building.build_model(checked, config, device, dtype, experts, spread=spread)
    yield Stage("Checking the routing")
    routers = find_routers(model)
    check = check_routing(model, routers)
    yield Stage("Fingerprinting the weights")
    specification = building.describe(source, checked, model, device, dtype, check)
    remember(specification)
    loaded = ModelHere(model, tokenizer, routers, specification, check)
    return (yield from compile_model(loaded)) if request.compile else loaded


def compile_model(loaded: "LoadedModel") -> Generator[Event, None, "ModelHere"]:
    """The same model, of which norms and experts are compiled for asking; raises ModelError where they cannot be."""
    from moe_core.models.inference.compiled import compiled_forwards
    from moe_core.models.inference.model_here import ModelHere

    yield Stage("Compiling norms and experts")
    compiled_forwards(loaded)
    return ModelHere.of(replace(loaded, specification=replace(loaded.specification, compiled=True)))


def refuse_unsound(loaded: KnownModel) -> None:
    """Raise ModelError where the self-check found that what would be recorded is not what the model computes with."""
    if not loaded.check.can_be_recorded:
        raise ModelError(f"{loaded.specification.name}: {loaded.check.verdict}: it must not be recorded.")
