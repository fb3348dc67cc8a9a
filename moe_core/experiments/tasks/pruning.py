"""Prunes by one task and measures on another: what a task does not need is gone, the questions of each are asked again.

Experts are chosen on one half of a task's questions, and every task is measured on the other half of its own, so that
what a task loses by its own mask can be compared with what it loses by another's.
"""

from collections.abc import Generator, Sequence

import numpy as np

from moe_core.comparison.random_masks import expert_load
from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, PlannedPoint, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import PointAxis
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.result import PrunedFor
from moe_core.experiments.tasks.usage import answered_rows
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.measures.question_halves import split_in_halves
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import percent
from moe_core.traces.reader import Trace

NEVER_USED = "never-used"


def share_of(prune: str) -> float | None:
    """The share of each layer that goes, None for the never-used ones; raises ExperimentError for anything else."""
    if prune == NEVER_USED:
        return None
    try:
        share = float(prune)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise ExperimentError(f'"{prune[:40]}" is no way to prune: say {NEVER_USED}, or a share such as 0.25.')
    return share


def prune_for_each(
    request: TasksRequest, traces: Sequence[Trace], names: Sequence[str], engine: Engine
) -> Generator[Event, None, tuple[PrunedFor, ...]]:
    """Every task's mask measured on every task that has right answers; what is kept beside a trace is not asked again.

    Raises what an experiment raises where the model is gone or another one.
    """
    masks = [_mask(trace, name, request) for trace, name in zip(traces, names, strict=True)]
    found: list[PrunedFor] = []
    for on, trace in enumerate(traces):
        if not (trace.gold[answered_rows(trace)] >= 0).any():
            continue
        yield Stage(f"Asking {names[on]} without what the tasks do not need")
        options = ExperimentOptions(seed=request.seed, scope=request.scope)
        asked = ExperimentRequest(
            request.traces[on], options, rerun_baseline=request.rerun_baseline, model=request.model
        )
        result = yield from _experiment(masks, names).run(asked, engine)
        found += [PrunedFor(by, on, point) for by, point in enumerate(result.points)]
    return tuple(found)


def _experiment(masks: Sequence[Intervention], names: Sequence[str]) -> Experiment:
    """One point a mask, on the measured half of whatever trace it is run on."""

    def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
        halves = split_in_halves(trace, rows, options.seed)
        points = [
            PlannedPoint("pruned by", name, float(at), mask)
            for at, (name, mask) in enumerate(zip(names, masks, strict=True))
        ]
        return Design(
            size_of(trace), options.scope or Scope.ANSWER, halves.measured_on, tuple(points), halves.description
        )

    return Experiment(
        name="tasks",
        title="Pruned by other tasks",
        question="",
        reads=("scope",),
        scope=Scope.ANSWER,
        quantity="delta",
        axis=PointAxis(),
        halves=True,
        design=design,
        conclude=lambda points, design: "",
        count_runs=lambda size, options: len(masks),
    )


def _mask(trace: Trace, name: str, request: TasksRequest) -> Intervention:
    """What the choosing half of a task does not need."""
    size, share = size_of(trace), share_of(request.prune)
    halves = split_in_halves(trace, answered_rows(trace).tolist(), request.seed)
    load = expert_load(trace, halves.chosen_on, request.scope)
    if share is None:
        unused = size.layers.experts((place, expert) for place, expert in np.argwhere(load == 0).tolist())
        return act_on(unused, "reroute", name=f"never used by {name}" if unused else "")
    n = min(round(share * size.n_experts), size.n_experts - size.top_k)
    order = np.argsort(load, axis=1, kind="stable")
    least = [(layer, expert) for layer, row in zip(size.layers, order, strict=True) for expert in row[:n].tolist()]
    return act_on(least, "reroute", name=f"{percent(n / size.n_experts)} least used by {name}" if least else "")
