"""The job that tells what a model is, what it would download and whether it would fit, without loading it."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moe_core.errors import MissingExtraError, ModelError
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.known_checks import known_check
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.models.loading.architecture import Architecture
from moe_core.models.loading.chat_templates import stored_templates
from moe_core.models.loading.files.fingerprint import config_sha256, weights_sha256
from moe_core.models.loading.files.safety import check_folder, judge_configuration
from moe_core.models.loading.files.source import (
    DOWNLOADED_FILES,
    PASSED_OVER,
    HubModel,
    absent_sentence,
    download,
    find_model,
    hub_errors,
    hub_is_off,
    set_hub_variables,
)
from moe_core.models.loading.memory import MemoryEstimate, estimate_memory, free_memory, lacking_part
from moe_core.models.loading.safetensors_headers import TensorHeader
from moe_core.models.loading.shapes import check_sizes, expert_blocks
from moe_core.models.loading.spreading import plan_spread
from moe_core.system.temporary_folder import temporary_folder


@dataclass(frozen=True)
class ModelSummary:
    """A model as config.json and the headers of its weight files describe it.

    `n_layers` counts the layers with experts. `download_bytes` is 0 where all is on this computer. `free` are the bytes
    free on `device`, a model that the engine would let go of included; None where the system does not tell. `lacking`
    names the part that does not fit and is empty where all does. `templates` are the chat templates by name; None where
    they are not on this computer. `self_check` is what may be done with the model, as the last check found it; empty
    where it was never loaded here, or is not on this computer. `spread` says which part would go where on `balanced`,
    and is empty on one device.
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
    templates: Mapping[str, str] | None = None
    self_check: str = ""
    spread: str = ""

    @property
    def fits(self) -> bool:
        """Whether loading would be tried; unknown free memory counts as enough."""
        return not self.lacking


@dataclass(frozen=True)
class _Contents:
    """A model's configuration, the headers of its tensors, and the bytes that are not on this computer yet."""

    config: dict[str, Any]
    architecture: Architecture
    tensors: dict[str, TensorHeader]
    download_bytes: int
    templates: Mapping[str, str] | None = None


def inspect_model(request: ModelRequest, engine: Engine | None = None) -> Generator[Event, None, ModelSummary]:
    """The summary of a model; raises ModelError and DeviceError as loading it would."""
    yield Stage(f"Looking for {request.model}")
    set_hub_variables()  # before the first import of transformers
    source = find_model(request.model, request.revision)
    if isinstance(source, HubModel):
        contents = yield from _hub_contents(source, offline=request.offline)
    else:
        contents = _folder_contents(source.folder)
    yield Stage("Loading the engine")
    try:
        from moe_core.models.loading.building import BALANCED, resolve_device
    except ImportError as error:
        raise MissingExtraError("model", "Loading a model") from error
    device, dtype = resolve_device(request.device, request.dtype)
    known = yield from _known_check(contents)
    if device == BALANCED:  # what memory has no room for goes to the disk
        spread = plan_spread(contents.architecture, dtype).text
        return replace(_summary(source.name, contents, device, dtype, None), spread=spread, self_check=known)
    free = free_memory(device)
    if free is not None and engine is not None:
        free += engine.held_bytes(device)
    summary = _summary(source.name, contents, device, dtype, free)
    in_memory = "" if engine is None else engine.self_check_of(request)
    return replace(summary, self_check=in_memory or known)


def check_and_inspect(request: ModelRequest, engine: Engine) -> Generator[Event, None, ModelSummary]:
    """The summary once the model was loaded, and so its self-check run; raises what loading it raises."""
    yield from engine.load(request)
    return (yield from inspect_model(request, engine))


def _known_check(contents: _Contents) -> Generator[Event, None, str]:
    """What the last self-check of this very model found, and when; empty where none is known."""
    if contents.download_bytes:
        return ""
    yield Stage("Fingerprinting the weights")
    found = known_check(config_sha256(contents.config), weights_sha256(contents.tensors))
    return "" if found is None else found.text


def _summary(name: str, contents: _Contents, device: str, dtype: str, free: int | None) -> ModelSummary:
    architecture = contents.architecture
    memory = estimate_memory(contents.tensors, architecture, dtype, device=device)
    lacking = lacking_part(memory, free)
    return ModelSummary(
        name=name,
        family=architecture.name,
        n_layers=_n_moe_layers(contents),
        n_experts=architecture.n_experts,
        top_k=architecture.top_k,
        n_parameters=sum(tensor.n_elements for tensor in contents.tensors.values()),
        download_bytes=contents.download_bytes,
        device=device,
        dtype=dtype,
        memory=memory,
        free=free,
        lacking=lacking[0] if lacking else "",
        templates=contents.templates,
    )


def _n_moe_layers(contents: _Contents) -> int:
    """Layers with experts, as far as names of tensors tell; where they do not, all of the decoder's."""
    n_layers = contents.architecture.n_layers
    return sum(layer < n_layers for layer in expert_blocks(contents.tensors)) or n_layers


def _folder_contents(folder: Path) -> _Contents:
    """The contents of a folder on this computer; raises ModelError with what forbids loading it."""
    checked = check_folder(folder)
    templates = stored_templates(checked.folder)
    return _Contents(checked.config, checked.architecture, checked.tensors, download_bytes=0, templates=templates)


def _hub_contents(hub: HubModel, *, offline: bool) -> Generator[Event, None, _Contents]:
    """The contents of a hub model, of which only config.json and headers are fetched; the hub's cache stays as it is.

    Raises ModelError where neither hub nor cache has it, and for what forbids loading it.
    """
    yield Stage(f"Asking for {hub.name}")
    with hub_errors(hub, offline=offline):
        offline = offline or hub_is_off()
    if offline:
        return _folder_contents(download(hub, offline=True).folder)
    files = _files(hub)
    if files is None:
        return _folder_contents(_cached(hub))
    wanted = [file for file in files if file.will_download]
    if not wanted:
        return _folder_contents(download(HubModel(hub.name, files[0].commit_hash), offline=True).folder)
    config, architecture = _configuration(hub, files)
    tensors: dict[str, TensorHeader] = {}
    for file in files:
        if file.filename.endswith(".safetensors"):
            yield Stage(f"Asking for {file.filename} of {hub.name}")
            tensors |= _headers(hub, file)
    check_sizes(architecture, config, tensors)
    return _Contents(config, architecture, tensors, sum(file.file_size for file in wanted))


def _cached(hub: HubModel) -> Path:
    try:
        return download(hub, offline=True).folder
    except ModelError as error:
        raise ModelError(absent_sentence(hub, offline=False)) from error


def _files(hub: HubModel) -> Sequence[Any] | None:
    """Every file that would be read, as the hub's client describes it; None where the hub cannot be reached."""
    with hub_errors(hub, offline=False):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import DryRunError, HfHubHTTPError

        try:
            files = snapshot_download(
                hub.name,
                revision=hub.revision,
                allow_patterns=list(DOWNLOADED_FILES),
                ignore_patterns=list(PASSED_OVER),
                dry_run=True,
            )
        except DryRunError as error:  # wraps what really happened
            if isinstance(error.__cause__, HfHubHTTPError):
                raise error.__cause__ from error
            return None
    names = {file.filename for file in files}
    if "adapter_config.json" in names:
        raise ModelError(f'"{hub.name}" is a LoRA adapter: merge it (merge_and_unload) and take the merged model.')
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise ModelError(f'"{hub.name}" has no config.json with weights in safetensors files: it cannot be loaded.')
    return files


def _configuration(hub: HubModel, files: Sequence[Any]) -> tuple[dict[str, Any], Architecture]:
    with hub_errors(hub, offline=False), temporary_folder("moescope-hub-") as folder:
        from huggingface_hub import hf_hub_download

        file = hf_hub_download(hub.name, "config.json", revision=files[0].commit_hash, cache_dir=folder)
        return judge_configuration(Path(file))


def _headers(hub: HubModel, file: Any) -> dict[str, TensorHeader]:
    with hub_errors(hub, offline=False):
        from huggingface_hub import HfApi
        from huggingface_hub.errors import SafetensorsParsingError

        try:
            parsed = HfApi().parse_safetensors_file_metadata(hub.name, file.filename, revision=file.commit_hash)
        except SafetensorsParsingError as error:
            raise ModelError(f'The header of {file.filename} in "{hub.name}" cannot be read.') from error
    return {
        name: TensorHeader(Path(file.filename), tensor.dtype, tuple(tensor.shape), *tensor.data_offsets)
        for name, tensor in parsed.tensors.items()
    }
