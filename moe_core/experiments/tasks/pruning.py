"""Prunes by one task and measures on another: what a task does not need is gone, the questions of each are asked again.

Experts are chosen on one half of a task's questions, and every task is measured on the other half of its own, so that
what a task loses by its own mask can be compared with what it loses by another's.
"""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from moe_core.comparison.random_masks import expert_load
from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, PlannedPoint, scored_rows, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, PointAxis
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.result import PrunedFor
from moe_core.experiments.tasks.usage import answered_rows
from moe_core.experiments.text import target_text
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.answer_file import read_runs
from moe_core.jobs.runs.rerun_plan import choose_rows
from moe_core.measures.question_halves import split_in_halves
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted, percent
from moe_core.traces.reader import Trace, open_trace

NAME, NEVER_USED = "tasks", "never-used"


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
        result = yield from _pruned_by(masks, names).run(asked, engine)
        found += [PrunedFor(by, on, point) for by, point in enumerate(result.points)]
    return tuple(found)


def kept_in(path: Path, request: ExperimentRequest) -> Experiment:
    """What was asked with the masks of tasks that a file beside a trace holds; whose they were it does not say.

    Raises AnswerFileError where it is none, and what opening the trace raises.
    """
    with open_trace(request.baseline) as trace:
        taking_part = scored_rows(trace, choose_rows(trace, request.subset).rows)
        measured = TASKS.design(trace, taking_part, request.options).measured
        kept = read_runs(path, trace.n_choices[list(measured)])
    masks = [mask for mask in kept.answers if not mask.is_empty()]
    return _pruned_by(masks, [counted(len(mask.experts), "expert") for mask in masks])


def _conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    told = "; ".join(f"without {target_text(point)} by {point.change.delta_text}" for point in points)
    return f"What tasks do not need was pruned here, and accuracy changed: {told} (n = {count(len(design.measured))})."


def _pruned_by(masks: Sequence[Intervention], names: Sequence[str]) -> Experiment:
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
        name=NAME,
        title="Pruned by other tasks",
        question="What does a task lose without the experts that it, or another one, does not need?",
        reads=("scope",),
        scope=Scope.ANSWER,
        quantity="delta",
        axis=PointAxis(),
        halves=True,
        design=design,
        conclude=_conclude,
        count_runs=lambda size, options: len(masks),
    )


TASKS = _pruned_by((), ())


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
