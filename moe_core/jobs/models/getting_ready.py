"""The job that does ahead of a what-if what the first one would wait for: it imports libraries, and loads a model."""

from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import find_folder
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.files.source import set_hub_variables
from moe_core.system.torch_library import load_torch_library
from moe_core.traces.reader import open_trace

SMALL_BYTES = 250_000_000
"""Weights of no more bytes are loaded ahead: in about a second, and in less memory than the libraries take."""


def get_ready(trace: Path, engine: Engine) -> Generator[Event, None, None]:
    """Events while the engine comes to hold the model of a trace, as what-ifs of it ask for it.

    Libraries alone are imported where its weights are large, or would be compiled. A model that the engine holds stays.
    Nothing is fetched. Raises TraceError, and ModelError and DeviceError as loading the model does.
    """
    if engine.holds_model:
        return
    with open_trace(trace) as opened:
        request = ModelNow().request(opened.specification.model)
    source = yield from find_folder(replace(request, offline=True))
    set_hub_variables()
    yield Stage("Loading torch")  # step by step, since a window that is closed waits for the step in flight
    load_torch_library()
    with suppress(ImportError):  # which the next step says
        import torch  # noqa: F401  # for its effect
    yield Stage(f"Checking {source.name}")
    checked = check_folder(source.folder)
    yield Stage("Loading the engine")
    checked.architecture.model_class()
    n_bytes = sum(file.stat().st_size for file in source.folder.glob("*.safetensors"))
    yield Stage(f"Loading {source.name}")
    if n_bytes <= SMALL_BYTES and not request.compile:
        for _ in engine.load(request):  # in one step: a job that this gives way to finds all of it, or nothing
            pass
