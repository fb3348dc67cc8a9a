"""What a hub model holds and how much of it is still to be fetched, told without downloading its weights."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moe_core.errors import ModelError
from moe_core.models.family import ModelFamily
from moe_core.models.loading.safetensors_headers import TensorHeader
from moe_core.models.loading.safety import check_folder, judge_configuration
from moe_core.models.loading.shapes import check_sizes
from moe_core.models.loading.source import (
    DOWNLOADED_FILES,
    PASSED_OVER,
    HubModel,
    absent_sentence,
    download,
    hub_errors,
    hub_is_off,
)
from moe_core.system.temporary_folder import temporary_folder


@dataclass(frozen=True)
class ModelContents:
    """A model's configuration, the headers of its tensors, and the bytes that are not on this computer yet."""

    config: dict[str, Any]
    family: ModelFamily
    tensors: dict[str, TensorHeader]
    download_bytes: int


def folder_contents(folder: Path) -> ModelContents:
    """The contents of a folder on this computer; raises ModelError with what forbids loading it."""
    checked = check_folder(folder)
    return ModelContents(checked.config, checked.family, checked.tensors, download_bytes=0)


def hub_contents(hub: HubModel, *, offline: bool) -> Generator[str, None, ModelContents]:
    """The contents of a hub model; on the way the names of the files it looks into. Nothing stays in the hub's cache.

    Raises ModelError where neither hub nor cache has it, and for what forbids loading it.
    """
    with hub_errors(hub, offline=offline):
        offline = offline or hub_is_off()
    if offline:
        return folder_contents(download(hub, offline=True).folder)
    files = _files(hub)
    if files is None:
        return folder_contents(_cached(hub))
    wanted = [file for file in files if file.will_download]
    if not wanted:
        return folder_contents(download(HubModel(hub.name, files[0].commit_hash), offline=True).folder)
    config, family = _configuration(hub, files)
    tensors: dict[str, TensorHeader] = {}
    for file in files:
        if file.filename.endswith(".safetensors"):
            yield file.filename
            tensors |= _headers(hub, file)
    check_sizes(config, family, tensors)
    return ModelContents(config, family, tensors, sum(file.file_size for file in wanted))


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
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise ModelError(f'"{hub.name}" has no config.json with weights in safetensors files: it cannot be loaded.')
    return files


def _configuration(hub: HubModel, files: Sequence[Any]) -> tuple[dict[str, Any], ModelFamily]:
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
