"""Goes on with a partial trace, which says itself what it is of: neither the quiz nor the command is needed."""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from moe_core.errors import Remedy, TraceError
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_recorded_model
from moe_core.jobs.runs.fill_trace import RecordResult, fill_trace
from moe_core.jobs.runs.prepare_trace import Target, prepare_trace, refuse_other_run
from moe_core.jobs.runs.rerun_plan import all_rows, plan_rerun
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import RunningModel
from moe_core.system.network_folder import network_warning
from moe_core.traces.lock import refuse_unwritable
from moe_core.traces.reader import Trace, open_trace


@dataclass(frozen=True)
class ResumeRequest:
    """Which trace to go on with; `model` says where the same model lies now, its device and dtype stay as they were."""

    trace: Path
    model: ModelNow = field(default_factory=ModelNow)
    allow_network_folder: bool = False


def resume(request: ResumeRequest, engine: Engine | None = None) -> Generator[Event, None, RecordResult]:
    """Events while the missing and the damaged questions are asked, the result in the end; closing it keeps the rest.

    Raises TraceError where nothing is missing or somebody else is at it, SpecificationMismatchError where the model or
    the device is another one than the trace was begun with; ModelError, DeviceError and RunError as `record` does.
    """
    with open_trace(request.trace) as trace:
        _check(trace)
        if warning := network_warning(request.trace.absolute().parent, allowed=request.allow_network_folder):
            yield Notice(warning)
        engine = engine or Engine()
        loaded = yield from load_recorded_model(trace, request.model, engine, Remedy.NAME_MODEL)
        yield Stage(f"Preparing {trace.n_questions:,} prompts")
        plan = _plan(trace, loaded)
        target = Target(trace.path, trace.specification)
    refuse_other_run(target, plan, "begun with another model, or in another way", Remedy.NAME_MODEL)
    yield from prepare_trace(target, plan)
    with engine.released_when_lost():
        return (yield from fill_trace(request.trace, loaded, plan))


def _check(trace: Trace) -> None:
    if trace.complete:
        raise TraceError(f"{trace.path} is complete: there is nothing to resume.")
    refuse_unwritable(trace.path)


def _plan(trace: Trace, loaded: RunningModel) -> RunPlan:
    """The plan that the trace was made from."""
    plan = plan_rerun(trace, all_rows(trace), loaded)
    if not np.array_equal(plan.tokenised.prefix_of, trace.prefix):
        raise TraceError(f"{trace.path} numbers its shared prefixes in another order than moescope does: record anew.")
    return plan
