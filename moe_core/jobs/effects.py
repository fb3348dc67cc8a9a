"""Makes the effect map of a trace: predicted within a budget, measured on demand; each step is kept in its file.

Axes: N questions of the map, L MoE layers, E experts.
"""

from collections.abc import Generator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from moe_core.effects.budget import preparation, split_budget
from moe_core.effects.effect_map import EffectMap, EffectSpecification, Mask
from moe_core.effects.map_file import map_path, read_map
from moe_core.effects.measurement import Measurement
from moe_core.errors import EffectError
from moe_core.interventions.layers import Layers
from moe_core.jobs.effect_making import Making
from moe_core.jobs.effect_measuring import measure
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.runs.rerun_plan import Subset, SubsetRows, choose_rows, plan_rerun
from moe_core.jobs.runs.run_plan import library_versions
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.system.network_folder import network_warning
from moe_core.system.target_folder import made_folder
from moe_core.traces.lock import refuse_unwritable, writer_lock
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.result_file import refuse_target

DEFAULT_BUDGET = 0.05


@dataclass(frozen=True)
class EffectsRequest:
    """What `moescope effects` was asked for.

    `effect` is "reroute" or "drop", `budget` a share of measuring all; `measure` None: only predict. `out` None: beside
    the trace. `rerun_baseline`: go on where the model here is another one than the trace's, or on another device.
    """

    trace: Path
    effect: str = "reroute"
    budget: float = DEFAULT_BUDGET
    measure: Measurement | None = None
    subset: Subset = field(default_factory=Subset)
    seed: int = 0
    out: Path | None = None
    rerun_baseline: bool = False
    model: ModelNow = field(default_factory=ModelNow)
    allow_network_folder: bool = False


@dataclass(frozen=True)
class EffectsResult:
    """The map, where it lies, which experts [L, E] any prompt token of its questions chose, and the layers' numbers."""

    path: Path
    effect_map: EffectMap
    used: Mask
    layers: Layers


def effects(request: EffectsRequest, engine: Engine | None = None) -> Generator[Event, None, EffectsResult]:
    """Events while experts are closed one by one, the map in the end. Closing it keeps what is known.

    The same request goes on where an earlier one was stopped, and measures on top of what is known already. Raises
    EffectError for a trace without right answers, or of a what-if, or a budget that is too small; else as `what_if`.
    """
    with ExitStack() as stack:
        trace = stack.enter_context(open_trace(request.trace))
        rows = _check(request, trace)
        if warning := network_warning((request.out or request.trace).parent, allowed=request.allow_network_folder):
            yield Notice(warning)
        engine = engine or Engine()
        model = yield from load_baseline_model(trace, request.model, engine, rerun_baseline=request.rerun_baseline)
        stack.enter_context(engine.released_when_lost())
        yield Stage(f"Preparing {len(rows.rows):,} prompts")
        plan = plan_rerun(trace, rows, model)
        specification = _specification(request, trace, rows, model)
        path = request.out or _place(request, specification)
        stack.enter_context(made_folder(path.parent))
        stack.enter_context(writer_lock(path))
        making = Making(model, plan, specification, path)
        yield from making.predict()
        used = experts_used(trace, rows.rows)
        if request.measure is not None:
            cells = making.to_measure(request.measure, used)
            kept = (yield from engine.kept_passes(plan, range(len(rows.rows)))) if cells else None
            if kept is not None:
                yield from measure(making, cells, model, kept)
        return EffectsResult(path, making.write(), used, trace.specification.model.layers)


def rows_with_effects(trace: Trace, effect: str, subset: Subset) -> SubsetRows:
    """The rows of a subset that have a right answer; raises EffectError where no effect can be of this trace."""
    if not trace.specification.actions.is_empty():
        raise EffectError(f"{trace.path.name} is a what-if: take its baseline, where no expert is masked or boosted.")
    size = trace.dimensions
    if size.n_experts <= size.top_k and effect == "reroute":
        raise EffectError(f"Every token needs all {size.n_experts} experts of a layer: none can be re-routed.")
    can = trace.specification.model.abilities
    if can.grouped_by_bias and size.n_experts // can.n_groups <= 2 and effect == "reroute":
        raise EffectError(
            "This router judges a group by its two best experts, and none has a third: none can be re-routed."
        )
    rows = choose_rows(trace, subset)
    scored = tuple(row for row in rows.rows if trace.gold[row] >= 0)
    if not scored:
        raise EffectError(f"The questions of {trace.path.name} have no right answers that an effect could be of.")
    return SubsetRows(scored, rows.description)


def experts_used(trace: Trace, rows: tuple[int, ...]) -> Mask:
    """Experts [L, E] that any prompt token of these questions chose."""
    used: Mask = routing_in_scope(trace, Scope.PROMPT).token_count[list(rows)].sum(axis=0) > 0
    return used


def _check(request: EffectsRequest, trace: Trace) -> SubsetRows:
    """The rows with a right answer, once everything is judged that can be without a model."""
    size = trace.dimensions
    refuse_target(request.out, request.trace)
    refuse_unwritable(request.out or map_path(request.trace, request.effect))
    if request.measure is not None:
        request.measure.check(trace.specification.model.layers, size.n_experts)
    split_budget(request.budget, size.n_layers * size.n_experts, preparation(is_checkpointed=False))
    return rows_with_effects(trace, request.effect, request.subset)


def _specification(request: EffectsRequest, trace: Trace, rows: SubsetRows, model: KnownModel) -> EffectSpecification:
    return EffectSpecification(
        trace_fingerprint=trace.specification.fingerprint,
        effect=request.effect,
        selection=rows.description,
        ids=tuple(trace.ids[row] for row in rows.rows),
        budget=request.budget,
        seed=request.seed,
        model=model.specification.name,
        dtype=model.specification.dtype,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _place(request: EffectsRequest, specification: EffectSpecification) -> Path:
    """Beside the trace: the first name that is free, or that holds a map of the same questions."""
    for number in count(1):
        path = map_path(request.trace, request.effect, number)
        if not path.exists():
            return path
        with suppress(EffectError):
            if read_map(path).specification.is_of(specification):
                return path
    raise AssertionError  # numbers do not end
