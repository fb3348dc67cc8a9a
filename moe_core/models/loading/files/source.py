"""Where a model comes from: a local folder, the demo beside the packages, or a hub id that is downloaded first."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import moe_core
from moe_core.errors import MissingExtraError, ModelError, first_line
from moe_core.models.loading.files.safety import check_folder

DEMO = "demo"
HUB = "https://huggingface.co/"
DEMO_FOLDER = Path(moe_core.__file__).resolve().parent.parent / "resources" / "demo" / "model"
# Everything that is ever read from a model; above all no Python and no pickle.
DOWNLOADED_FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "tokenizer.model", "*.jinja")
PASSED_OVER = ("consolidated*", "*/*")  # the same weights once more, in another layout
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./-]*")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class HubModel:
    """A model on the Hugging Face hub; `revision` is a branch, tag or commit, None for the newest."""

    name: str
    revision: str | None


@dataclass(frozen=True)
class ModelFolder:
    """A model on this computer; `revision` is the hub's commit hash, empty for a folder that the user named."""

    name: str
    source: str
    folder: Path
    revision: str = ""


def find_model(model: str, revision: str | None = None) -> ModelFolder | HubModel:
    """The folder or hub model that `model` names; an existing folder wins over a hub id.

    Raises ModelError for a path where nothing is, and for what can be neither path nor hub id.
    """
    if model == DEMO:
        if not DEMO_FOLDER.is_dir():
            raise ModelError("The demo model is not installed beside this program: name a folder or a hub id instead.")
        return ModelFolder(name=DEMO, source=DEMO, folder=DEMO_FOLDER)
    path = Path(os.path.expanduser(model))  # unlike Path's own, leaves ~ where there is no home
    if model and _exists(path):
        return ModelFolder(name=path.resolve().name, source=str(path.resolve()), folder=path)
    name, _, pinned = model.partition("@")
    if not _HUB_ID.fullmatch(name):
        raise ModelError(f'There is no folder "{model}", and a hub id would look like allenai/OLMoE-1B-7B-0125.')
    revision = revision or pinned or None
    if revision and not _REVISION.fullmatch(revision):
        raise ModelError(f'"{revision}" can be no revision of the hub model {name}.')
    return HubModel(name, revision)


def download(hub: HubModel, *, offline: bool) -> ModelFolder:
    """The hub model in the local cache, its revision resolved to a commit hash; fetches what is missing.

    With `offline`, or where HF_HUB_OFFLINE is set, nothing is fetched; nor is a commit that is there already. Raises
    ModelError when hub or model cannot be reached.
    """
    with hub_errors(hub, offline=offline):
        is_local = offline or hub_is_off()
        folder = None if is_local else _whole_snapshot(hub)
        folder = folder or _snapshot(hub, is_local=is_local)
    return ModelFolder(hub.name, f"{HUB}{hub.name}", folder, revision=folder.name)


def _snapshot(hub: HubModel, *, is_local: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    return Path(
        snapshot_download(
            hub.name,
            revision=hub.revision,
            allow_patterns=list(DOWNLOADED_FILES),
            ignore_patterns=list(PASSED_OVER),
            local_files_only=is_local,
        )
    )


def _whole_snapshot(hub: HubModel) -> Path | None:
    """The folder of a commit that was fetched before, which never changes; None where it is not whole."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    if hub.revision is None or not _COMMIT.fullmatch(hub.revision):
        return None
    try:
        folder = _snapshot(hub, is_local=True)
        check_folder(folder)
    except (LocalEntryNotFoundError, ModelError):
        return None
    return folder


@contextmanager
def hub_errors(hub: HubModel, *, offline: bool) -> Iterator[None]:
    """Turns whatever the hub's client raises inside into a ModelError of one sentence."""
    set_hub_variables()
    try:
        from httpx2 import HTTPError
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtraError("model", "Loading a model") from error
    try:
        yield
    except LocalEntryNotFoundError as error:
        raise ModelError(absent_sentence(hub, offline or hub_is_off())) from error
    except HfHubHTTPError as error:
        raise ModelError(_refused(hub, error.response.status_code)) from error
    except (HFValidationError, HTTPError, OSError) as error:
        raise ModelError(f'"{hub.name}" cannot be downloaded ({first_line(error)}).') from error


def hub_is_off() -> bool:
    """Whether HF_HUB_OFFLINE is set."""
    from huggingface_hub.constants import is_offline_mode

    return is_offline_mode()


def set_hub_variables() -> None:
    """Set what the hub's libraries read once, while they are imported: no telemetry, no kernels, no progress bars.

    Offline is never set here: it would hold for the whole process, and every call that loads says
    `local_files_only` instead.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("USE_HUB_KERNELS", "NO")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or a zero byte
        return False


def absent_sentence(hub: HubModel, offline: bool) -> str:
    """Why a hub model cannot be had that is not in the cache."""
    what = f'"{hub.name}"' + (f" at revision {hub.revision}" if hub.revision else "")
    if offline:
        return f"{what} is neither a folder nor in the local hub cache, and nothing may be fetched for this run."
    return f"{what} is no folder, not in the local hub cache, and the hub cannot be reached: check the network."


def _refused(hub: HubModel, status: int) -> str:
    if status in (401, 403, 404):
        at = f" at revision {hub.revision}" if hub.revision else ""
        return f'The hub has no public model "{hub.name}"{at}: check the name, or sign in with `hf auth login`.'
    return f'The hub answered {status} when asked for "{hub.name}": try again later.'
