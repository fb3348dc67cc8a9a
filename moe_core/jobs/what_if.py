"""Asks a baseline's questions again under an intervention and compares: the trace, the comparison, and controls."""

import time
from collections.abc import Generator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from moe_core.comparison.comparison import Comparison, compare
from moe_core.comparison.control_distribution import ControlRequest, Controls
from moe_core.errors import InterventionError, Remedy, TraceError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.runs.control_runs import run_controls
from moe_core.jobs.runs.fill_trace import fill_trace
from moe_core.jobs.runs.prepare_trace import Target, look_at, prepare_trace, refuse_other_run
from moe_core.jobs.runs.rerun_plan import Subset, SubsetRows, choose_rows, plan_rerun
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.numbers.formatting import counted
from moe_core.system.network_folder import network_warning
from moe_core.traces.lock import refuse_unwritable
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.specification import Specification, differences


@dataclass(frozen=True)
class WhatIfRequest:
    """What `moescope whatif` was asked for.

    `out` None: a numbered name beside the baseline. `rerun_baseline`: ask the baseline's questions here too and
    compare with that. `model` is the baseline's own, in its place, unless it says otherwise.
    """

    baseline: Path
    intervention: Intervention
    subset: Subset = field(default_factory=Subset)
    out: Path | None = None
    rerun_baseline: bool = False
    controls: ControlRequest = field(default_factory=ControlRequest)
    model: ModelNow = field(default_factory=ModelNow)
    allow_network_folder: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "baseline", Path(self.baseline))  # scripts give a text, too
        object.__setattr__(self, "out", None if self.out is None else Path(self.out))


@dataclass(frozen=True)
class WhatIfResult:
    """A finished what-if: its trace, and what changed against `baseline`, the re-run one where one was made.

    `seconds_asking` went by while the questions were asked with the intervention: 0 where they had been before.
    """

    path: Path
    baseline: Path
    comparison: Comparison
    controls: Controls | None
    seconds: float
    seconds_asking: float


def what_if(
    request: WhatIfRequest, engine: Engine | None = None, *, is_last: bool = False
) -> Generator[Event, None, WhatIfResult]:
    """Events while the questions are asked, the result in the end.

    Residual streams are kept for what-ifs after it that the engine is asked for, unless it `is_last`.
    Closing it keeps what was written: the same request resumes, and takes a finished trace of its own as it is.
    Raises InterventionError for one that does not fit, before anything is loaded; BaselineMismatchError where this
    machine or model would not give the baseline's numbers; QuizError, TraceError, ModelError, DeviceError, RunError
    and ComparisonError say what each of them says.
    """
    start = time.monotonic()
    with ExitStack() as stack:
        baseline = stack.enter_context(open_trace(request.baseline))
        rows = _check(request, baseline)
        folder = (request.out or request.baseline).parent
        if warning := network_warning(folder, allowed=request.allow_network_folder):
            yield Notice(warning)
        goes_on = (engine is not None and not is_last) or request.controls.n > 0
        engine = engine or Engine()
        loaded = yield from load_baseline_model(baseline, request.model, engine, rerun_baseline=request.rerun_baseline)
        stack.enter_context(engine.released_when_lost())
        yield Stage(f"Preparing {len(rows.rows):,} prompts")
        own, reference = plan_rerun(baseline, rows, loaded), baseline
        plan = own.under(request.intervention)
        out = _target(request, plan.specification)
        refuse_other_run(out, plan)
        loaded.check_actions(request.intervention)
        passes = (yield from engine.kept_passes(own, range(len(rows.rows)))) if goes_on else None
        if request.rerun_baseline:
            own = own.under(baseline.specification.actions)  # which another model may not have room for
            again = numbered(request.baseline, "rerun", own.specification)
            yield from _run(again, "baseline", loaded, own, passes)
            reference = stack.enter_context(open_trace(again.path))
        elif warning := _other_batches(baseline, rows):
            yield Notice(warning, remedy=Remedy.RERUN_BASELINE)
        seconds_asking = yield from _run(out, "what-if", loaded, plan, passes)
        if passes is not None and request.intervention.at_answer and passes.answers_text:
            yield Notice(passes.answers_text)
        yield Stage("Comparing")
        with open_trace(out.path) as after:
            comparison = compare(reference, after)
        controls = yield from run_controls(request.controls, out.path, reference, comparison, loaded, plan, passes)
        seconds = time.monotonic() - start
        return WhatIfResult(out.path, reference.path, comparison, controls, seconds, seconds_asking)


def _target(request: WhatIfRequest, specification: Specification) -> Target:
    return look_at(request.out) if request.out else numbered(request.baseline, "what-if", specification)


def numbered(baseline: Path, kind: str, specification: Specification) -> Target:
    """`T.what-if-3.h5` beside T.h5: the first name that is free, or that holds this very run, finished or not."""
    for number in count(1):
        with suppress(TraceError):  # what is no trace is none of ours
            target = look_at(_name(baseline, kind, number))
            if target.of is None or not differences(specification, target.of):
                return target
    raise AssertionError  # numbers do not end


def _name(baseline: Path, kind: str, number: int) -> Path:
    return baseline.with_name(f"{baseline.stem}.{kind}-{number}.h5")


def _check(request: WhatIfRequest, baseline: Trace) -> SubsetRows:
    """The rows to ask, once everything is judged that can be without a model."""
    if request.intervention.is_empty():
        raise InterventionError("The intervention acts on no expert.", Remedy.NAME_EXPERTS)
    baseline.specification.model.check(request.intervention)
    if request.out is not None and request.out.exists() and request.out.samefile(request.baseline):
        raise TraceError(f"{request.out} is the baseline itself.", Remedy.CHOOSE_OTHER_NAME)
    refuse_unwritable(request.out or _name(request.baseline, "what-if", 1))
    return choose_rows(baseline, request.subset)


def _other_batches(baseline: Trace, rows: SubsetRows) -> str:
    """A warning where rounding differs because other questions share a forward pass; empty in float32."""
    dtype = baseline.specification.model.dtype
    if dtype == "float32" or len(rows.rows) == baseline.n_questions:
        return ""
    return f"A subset is asked in other batches than the baseline was, which in {dtype} alone can flip close calls"


def _run(
    target: Target, what: str, model: RunningModel, plan: RunPlan, passes: Kept | None
) -> Generator[Event, None, float]:
    """Seconds of asking, once the finished trace of this plan is in its place."""
    if not (yield from prepare_trace(target, plan)):
        return 0.0
    yield Stage(f"Asking {counted(len(plan.tokenised.questions), plan.tokenised.item)} ({what})")
    return (yield from fill_trace(target.path, model, plan, passes)).seconds
