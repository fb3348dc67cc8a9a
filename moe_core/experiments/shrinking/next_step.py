"""Which experts go next: those that move the answers least in the model that is left, its effect map made anew.

Experts stand in for one another, so that what one matters changes once others are gone. The smaller model is the
model's own without them, and its map is made like any other. Axes: L MoE layers, E experts that are left of a layer.
"""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np

from moe_core.comparison.random_masks import expert_load
from moe_core.effects.effect_map import EffectMap, EffectSpecification
from moe_core.errors import EffectError, ExperimentError
from moe_core.experiments.effect_order import budget_for, cells_on, influence, predict_on
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.shrinking.path_file import PruningPath, Step
from moe_core.jobs.effect_making import Making
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import load_baseline_model
from moe_core.jobs.runs.rerun_plan import SubsetRows, plan_rerun
from moe_core.jobs.runs.run_plan import library_versions
from moe_core.jobs.workers.smaller_on_workers import without_experts
from moe_core.measures.expert_ranking import lowest_first
from moe_core.measures.metric import MetricValues
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import Trace
from moe_core.traces.specification import ModelSpecification


@dataclass(frozen=True)
class Left:
    """The experts that are left of each layer [L], and how many of them go in one step."""

    keep: tuple[tuple[int, ...], ...]
    n_next: int


def next_step(
    request: ExperimentRequest, trace: Trace, rows: Sequence[int], path: PruningPath, left: Left, engine: Engine
) -> Generator[Event, None, PruningPath]:
    """The way with one step more, by the effects on these rows; it may be stopped and goes on where it was.

    Raises ExperimentError where the effects of this model cannot be predicted, or there is no room for it.
    """
    yield Stage(f"Predicting what the {count(len(left.keep[0]))} experts of each layer that are left do")
    if path.steps:
        found = yield from _influence_of_the_rest(request, trace, rows, path, left, engine)
    else:
        yield from predict_on(request, trace, rows, engine)
        cells = cells_on(trace, rows)
        if cells is None:
            raise ExperimentError(f"The effect map of {trace.path.name} went away while it was needed.")
        found = influence(cells)
    load = expert_load(trace, rows, Scope.PROMPT)
    of_rest = np.stack([load[layer, list(keep)] for layer, keep in enumerate(left.keep)])
    n_groups = trace.specification.model.abilities.n_groups
    made = path.with_step(_least(lowest_first(found, of_rest).tolist(), left, n_groups))
    with suppress(OSError):
        path.map_path.unlink(missing_ok=True)
        path.map_path.with_name(path.map_path.name + ".lock").unlink(missing_ok=True)
    return made


def _least(order: list[list[int]], left: Left, n_groups: int) -> Step:
    """The first of each layer's order, in their own numbers; equally many of each group of consecutive experts."""
    size, per_group = len(left.keep[0]) // n_groups, left.n_next // n_groups
    chosen = []
    for layer, keep in zip(order, left.keep, strict=True):
        of_groups = [[place for place in layer if place // size == group][:per_group] for group in range(n_groups)]
        together = {place for group in of_groups for place in group}
        chosen.append(tuple(keep[place] for place in layer if place in together))
    return tuple(chosen)


def _influence_of_the_rest(
    request: ExperimentRequest, trace: Trace, rows: Sequence[int], path: PruningPath, left: Left, engine: Engine
) -> Generator[Event, None, MetricValues]:
    """How much each expert [L, E] of the smaller model moves these rows' answers."""
    model = yield from load_baseline_model(trace, request.model, engine, rerun_baseline=request.rerun_baseline)
    plan = plan_rerun(trace, SubsetRows(tuple(rows), "choosing half"), model)
    specification = _specification(trace, rows, path, model.specification)
    try:
        _forget_another(path, specification)
        with writer_lock(path.map_path), without_experts(model, left.keep) as small:
            making = Making(small, plan, specification, path.map_path)
            yield from making.predict()
            made: EffectMap = making.write()
    except EffectError as error:
        raise ExperimentError(f"There is no way to smaller models here: {error}") from error
    return influence(made.over())


def _forget_another(path: PruningPath, specification: EffectSpecification) -> None:
    """What lies where the map is kept and is none of it goes: nobody but this experiment writes there."""
    from moe_core.effects.map_file import read_map

    with suppress(EffectError):
        if read_map(path.map_path).specification.is_of(specification):
            return
    with suppress(OSError):
        path.map_path.unlink(missing_ok=True)


def _specification(
    trace: Trace, rows: Sequence[int], path: PruningPath, model: ModelSpecification
) -> EffectSpecification:
    """Of a smaller model: its fingerprint is no trace's, so that the map is never taken for one of the trace."""
    removed = sha256(repr(path.removed(path.n_removed)).encode()).hexdigest()
    n_left = model.n_experts - path.n_removed
    return EffectSpecification(
        trace_fingerprint=f"{trace.specification.fingerprint} without {removed}",
        effect="reroute",
        selection="choosing half",
        ids=tuple(trace.ids[row] for row in rows),
        budget=budget_for(model.n_layers * n_left),
        seed=0,
        model=model.name,
        dtype=model.dtype,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
