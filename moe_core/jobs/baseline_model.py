"""The model that a baseline was recorded with, in memory again: how it is asked for, and what makes it another one."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from moe_core.errors import BaselineMismatchError, DeviceError, FetchModel, ModelError, MoeCoreError, Remedy
from moe_core.jobs.engine import Engine
from moe_core.jobs.events import Event
from moe_core.jobs.load_model import ModelRequest
from moe_core.jobs.rerun_plan import unlike
from moe_core.traces.reader import Trace
from moe_core.traces.specification import ModelSpecification, Specification

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel

_HUB = "https://huggingface.co/"


class RerunRequest(Protocol):
    """What a request to ask a baseline's questions again says of the model; empty: as the baseline had it.

    `rerun_baseline`: the baseline's questions are asked here too, so that another model or machine does no harm.
    """

    @property
    def rerun_baseline(self) -> bool: ...
    @property
    def model(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def offline(self) -> bool: ...


def load_baseline_model(
    request: RerunRequest, baseline: Trace, engine: Engine
) -> "Generator[Event, None, LoadedModel]":
    """The loaded model; raises BaselineMismatchError where it would not give the baseline's numbers.

    ModelError and DeviceError, where it is not here, say in a note what it was.
    """
    try:
        loaded = yield from engine.load(model_request(request, baseline.specification))
    except (ModelError, DeviceError) as error:
        model = baseline.specification.model
        error.add_note(f"{baseline.path.name} was recorded with {model.source} on {model.device} in {model.dtype}.")
        error.remedies += (Remedy.RERUN_ELSEWHERE,)
        offer_to_fetch(error, model)
        raise
    found = unlike(baseline.specification.model, loaded.specification)
    if found and not request.rerun_baseline:
        raise BaselineMismatchError(
            f"A run here would not reproduce {baseline.path.name}: {'; '.join(found)}.", Remedy.RERUN_BASELINE
        )
    return loaded


def offer_to_fetch(error: MoeCoreError, model: ModelSpecification) -> None:
    """Add the remedy for a hub model, since nothing is fetched because a trace, maybe a stranger's, names it."""
    if model.source.startswith(_HUB):
        at = f"@{model.revision}" if model.revision else ""
        error.remedies += (FetchModel(model.source.removeprefix(_HUB) + at),)


def model_request(request: RerunRequest, recorded: Specification) -> ModelRequest:
    """The model that the baseline was recorded with, as it was loaded then, save for what the request changes.

    What the request does not name itself is taken from this machine, and never fetched.
    """
    model = recorded.model
    same_place = not (request.device or request.dtype)
    return ModelRequest(
        model=request.model or model.source.removeprefix(_HUB),
        device=request.device or model.device,
        dtype=request.dtype or model.dtype,
        revision=None if request.model else model.revision or None,
        offline=request.offline or not request.model,
        experts_implementation=model.experts_implementation if same_place else "auto",
    )
