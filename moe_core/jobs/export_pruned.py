"""Writes the smaller checkpoint that a mask stands for; needs no room for the model in memory."""

import json
import os
import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from moe_core.errors import BaselineMismatchError, ModelError, Remedy
from moe_core.interventions.grouped import Groups
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Progress
from moe_core.jobs.models.load_model import find_folder
from moe_core.jobs.models.recorded_model import ModelNow, offered_to_fetch
from moe_core.models.loading.files.fingerprint import config_sha256, weights_sha256
from moe_core.models.loading.files.safety import WEIGHTS_INDEX, CheckedFolder, check_folder
from moe_core.models.loading.safetensors_headers import made_header
from moe_core.models.pruning import KeepList, KeptTensor, keep_list, kept_tensors, smaller_config
from moe_core.system.positioned_file import sync_directory
from moe_core.system.target_folder import existing_folder, made_folder
from moe_core.system.temporary_folder import temporary_folder
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import ModelSpecification

PROVENANCE = "moescope_pruning.json"
_COMPANIONS = ("*.json", "*.jinja", "tokenizer.model", "LICENSE*")
_CHUNK_BYTES = 1 << 24
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class ExportRequest:
    """What `moescope export-pruned` was asked for; `model` says where the trace's model lies now, if elsewhere."""

    trace: Path
    intervention: Intervention
    out: Path
    model: ModelNow = field(default_factory=ModelNow)


@dataclass(frozen=True)
class ExportResult:
    """The new folder, the experts that every layer keeps, and its weights in bytes."""

    path: Path
    n_experts: int
    n_bytes: int


def export_pruned(request: ExportRequest) -> Generator[Event, None, ExportResult]:
    """Events while the checkpoint is written, the result in the end; closing it leaves nothing behind.

    Raises InterventionError where the mask is no pruning or keeps unequal numbers, BaselineMismatchError where the
    model has changed since, ModelError where it is gone or `out` cannot be written.
    """
    with open_trace(request.trace) as trace:
        recorded = trace.specification.model
    kept = kept_experts(request.intervention, recorded)
    n_left = kept.check_equal()
    _refuse_uneven_groups(request.intervention, recorded)
    check_out(request.out)
    checked = yield from recorded_folder(recorded, request.model, request.trace.name)
    tensors = kept_tensors(checked.tensors, kept)
    n_bytes = sum(tensor.n_bytes for tensor in tensors)
    _check_room(request.out, n_bytes)
    try:
        parent = request.out.absolute().parent
        with made_folder(parent), temporary_folder(f".{request.out.name}.unfinished-", parent) as folder:
            unfinished = folder / "model"
            unfinished.mkdir()
            _write_companions(unfinished, checked, smaller_config(checked.config, n_left))
            _write_json(unfinished / PROVENANCE, {"source": recorded.source, **kept.to_json()})
            yield from _write_weights(unfinished, tensors, n_bytes)
            check_folder(unfinished)
            sync_directory(unfinished)
            if request.out.exists():
                request.out.rmdir()
            unfinished.rename(request.out)
            sync_directory(parent)
    except OSError as error:
        raise ModelError(f"{request.out} cannot be written ({error.strerror or error}).") from error
    yield from _vllm_remarks(checked.config)
    return ExportResult(request.out, n_left, n_bytes)


def recorded_folder(recorded: ModelSpecification, now: ModelNow, trace: str) -> Generator[Event, None, CheckedFolder]:
    """The files of the model that a trace was recorded with; BaselineMismatchError where they are others."""
    with offered_to_fetch(recorded):
        source = yield from find_folder(now.request(recorded))
    checked = check_folder(source.folder)
    same = config_sha256(checked.config) == recorded.config_sha256
    if not (same and weights_sha256(checked.tensors) == recorded.weights_sha256):
        raise BaselineMismatchError(
            f"The model in {checked.folder} is not the one that {trace} was recorded with.", Remedy.NAME_MODEL
        )
    return checked


def kept_experts(intervention: Intervention, model: ModelSpecification) -> KeepList:
    """What the mask leaves of this model; raises InterventionError where it does not fit or is no pruning."""
    model.check(intervention)
    return keep_list(intervention, model.layers, model.n_experts)


def _refuse_uneven_groups(intervention: Intervention, model: ModelSpecification) -> None:
    """A smaller router forms its groups anew: they are the old ones only where each has lost equally many."""
    groups = Groups(model.abilities.n_groups, model.abilities.groups_chosen, by_bias=False)
    groups.check(intervention, model.n_experts, model.top_k)


def _vllm_remarks(config: dict[str, Any]) -> list[Notice]:
    """Where vLLM is known to load such a checkpoint otherwise than transformers."""
    if config.get("model_type") == "olmoe" and config.get("norm_topk_prob"):
        return [Notice("vLLM does not divide OLMoE's gate weights by their sum, as this model does: run it elsewhere")]
    return []


def check_out(out: Path) -> None:
    """Raise MoeCoreError for a folder that cannot be written, or is there already."""
    existing_folder(out.absolute().parent)
    if os.path.islink(out):
        raise ModelError(f"{out} is a link, which a folder cannot take the place of: choose another name.")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ModelError(f"{out} exists already and is never overwritten: choose another name.")


def _check_room(out: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(existing_folder(out.absolute().parent)).free
    if n_bytes > free:
        raise ModelError(
            f"The smaller model needs {n_bytes / _MEGABYTE:,.0f} MB and {out.parent} has {free / _MEGABYTE:,.0f} MB "
            "free: make room or choose another disk."
        )


def _write_companions(folder: Path, checked: CheckedFolder, config: dict[str, Any]) -> None:
    for pattern in _COMPANIONS:
        for file in checked.folder.glob(pattern):
            if file.name not in ("config.json", WEIGHTS_INDEX, PROVENANCE):
                with file.open("rb") as source, (folder / file.name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                    _make_durable(target)
    _write_json(folder / "config.json", config)


def _write_weights(folder: Path, tensors: Sequence[KeptTensor], n_bytes: int) -> Generator[Event, None, None]:
    """The weight files under their old names, and their index where there are several."""
    places: dict[str, str] = {}
    written = 0
    for file, members in groupby(tensors, key=lambda tensor: tensor.source.file):
        inside = list(members)
        places |= {tensor.name: file.name for tensor in inside}
        with file.open("rb") as source, (folder / file.name).open("wb") as target:
            stored = {tensor.name: (tensor.source.dtype, tensor.shape) for tensor in inside}
            target.write(made_header(stored, {"format": "pt"}))
            for tensor in inside:
                for chunk in _chunks(source, tensor):
                    target.write(chunk)
                    written += len(chunk)
                    if len(chunk) == _CHUNK_BYTES:
                        yield _progress(written, n_bytes)
            _make_durable(target)
        yield _progress(written, n_bytes)
    if len(set(places.values())) > 1:
        _write_json(folder / WEIGHTS_INDEX, {"metadata": {"total_size": n_bytes}, "weight_map": places})


def _chunks(source: Any, tensor: KeptTensor) -> Iterator[bytes]:
    for start, end in tensor.ranges:
        source.seek(start)
        while start < end:
            chunk: bytes = source.read(min(_CHUNK_BYTES, end - start))
            if not chunk:
                raise ModelError(f"The weight file {tensor.source.file.name} ended early: it has changed meanwhile.")
            yield chunk
            start += len(chunk)


def _progress(written: int, n_bytes: int) -> Progress:
    total = max(1, round(n_bytes / _MEGABYTE))
    return Progress(min(round(written / _MEGABYTE), total), total, "MB", 0.0, None)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    with file.open("w", encoding="utf-8") as target:
        target.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        _make_durable(target)


def _make_durable(file: IO[Any]) -> None:
    """Before the folder gets its name: a power cut never leaves a checkpoint with holes under it."""
    file.flush()
    os.fsync(file.fileno())
