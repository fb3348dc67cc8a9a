"""The model that a trace was recorded with: where it is now, in memory again, and whether it is still the same."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from moe_core.errors import BaselineMismatchError, DeviceError, FetchModel, ModelError, MoeCoreError, Remedy
from moe_core.jobs.events import Event
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.runs.running_model import RunningModel
from moe_core.models.loading.files.source import HUB
from moe_core.traces.reader import Trace
from moe_core.traces.specification import ModelSpecification


@dataclass(frozen=True)
class ModelNow:
    """Where a trace's model is now, on which device and in which dtype it shall run; empty: as the trace says."""

    model: str = ""
    device: str = ""
    dtype: str = ""
    offline: bool = False

    def request(self, recorded: ModelSpecification) -> ModelRequest:
        """The model as it was loaded then, save for what is named here; what is not named is never fetched."""
        same_place = not (self.device or self.dtype)
        return ModelRequest(
            model=self.model or recorded.source.removeprefix(HUB),
            device=self.device or recorded.device,
            dtype=self.dtype or recorded.dtype,
            revision=None if self.model else recorded.revision or None,
            offline=self.offline or not self.model,
            experts_implementation=recorded.experts_implementation if same_place else "auto",
            compile=recorded.compiled and self.device.partition(":")[0] in ("", recorded.device.partition(":")[0]),
        )


def load_recorded_model(
    trace: Trace, now: ModelNow, engine: Engine, remedy: Remedy, *, asks: bool = True
) -> Generator[Event, None, RunningModel]:
    """The loaded model, not compared with the recorded one.

    Where it `asks` nothing, it runs as it is, and needs no compiler. ModelError and DeviceError say in a note what it
    was, and, where it is not here, that `remedy` helps.
    """
    recorded = trace.specification.model
    request = now.request(recorded)
    with offered_to_fetch(recorded):
        try:
            return (yield from engine.load(replace(request, compile=request.compile and asks)))
        except (ModelError, DeviceError) as error:
            was = f"{recorded.source} on {recorded.device} in {recorded.dtype}"
            error.add_note(f"{trace.path.name} was recorded with {was}.")
            error.remedies += (remedy,) * _is_of_place(error)
            raise


def load_baseline_model(
    baseline: Trace, now: ModelNow, engine: Engine, *, rerun_baseline: bool
) -> Generator[Event, None, RunningModel]:
    """The loaded model; raises BaselineMismatchError where it would not give the baseline's numbers.

    `rerun_baseline`: its questions are asked here too, so that another model or machine does no harm.
    """
    if not rerun_baseline and not baseline.specification.has_known_batches:
        raise _not_reproduced(baseline, "its batches were planned by a newer moescope")
    loaded = yield from load_recorded_model(baseline, now, engine, Remedy.RERUN_ELSEWHERE)
    found = unlike(baseline.specification.model, loaded.specification)
    if found and not rerun_baseline:
        raise _not_reproduced(baseline, "; ".join(found))
    return loaded


def _not_reproduced(baseline: Trace, why: str) -> BaselineMismatchError:
    return BaselineMismatchError(f"A run here would not reproduce {baseline.path.name}: {why}.", Remedy.RERUN_BASELINE)


@contextmanager
def offered_to_fetch(recorded: ModelSpecification) -> Iterator[None]:
    """Add the remedy for a hub model, since nothing is fetched because a trace, maybe a stranger's, names it."""
    try:
        yield
    except (ModelError, DeviceError) as error:
        if recorded.source.startswith(HUB) and _is_of_place(error):
            at = f"@{recorded.revision}" if recorded.revision else ""
            error.remedies += (FetchModel(recorded.source.removeprefix(HUB) + at),)
        raise


def _is_of_place(error: MoeCoreError) -> bool:
    """Whether it may help to say where the model is: it was found where it cannot be compiled."""
    return Remedy.RECORD_UNCOMPILED not in error.remedies


def unlike(recorded: ModelSpecification, loaded: ModelSpecification) -> list[str]:
    """Why a re-run on this model would not give the recorded numbers; empty where it would (versions are not asked)."""
    found = []
    if recorded.config_sha256 != loaded.config_sha256:
        found.append("the model's config.json has changed")
    if recorded.weights_sha256 != loaded.weights_sha256:
        found.append("the model's weights have changed")
    ours, theirs = (model.device.partition(":")[0] for model in (recorded, loaded))
    for name, then, now in (
        ("device", ours, theirs),
        ("dtype", recorded.dtype, loaded.dtype),
        ("experts implementation", recorded.experts_implementation, loaded.experts_implementation),
        ("attention implementation", recorded.attention_implementation, loaded.attention_implementation),
        ("compiled", recorded.compiled_parts, loaded.compiled_parts),
    ):
        if then != now:
            found.append(f"{name} {then} then, {now} now")
    return found
