"""Compares the tasks of several traces of one model: a job that needs no model unless something is pruned."""

import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

from moe_core.errors import ExperimentError, MoeCoreError
from moe_core.experiments.tasks.overlap import Overlap, overlap
from moe_core.experiments.tasks.pruning import prune_for_each, share_of
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.result import PrunedFor, TasksResult
from moe_core.experiments.tasks.usage import DRAWS, TaskUse, answered_rows, use_of
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.measures.scope import Scope, last_position
from moe_core.numbers.formatting import count, counted, p_value, percent, significant
from moe_core.numbers.intervals import wilson_95
from moe_core.quizzes.question import item_name
from moe_core.traces.reader import Trace, open_trace


def compare_tasks(request: TasksRequest, engine: Engine | None = None) -> Generator[Event, None, TasksResult]:
    """Events while traces are read and, where something is pruned, questions are asked; the result in the end.

    Raises ExperimentError for fewer than two traces, those of unlike models, or with experts switched off.
    """
    start = time.monotonic()
    if request.prune:
        share_of(request.prune)
    with ExitStack() as stack:
        traces = [stack.enter_context(open_trace(path)) for path in request.traces]
        _check(traces)
        names = task_names(request.traces)
        n_equal = min(len(answered_rows(trace)) for trace in traces)
        tasks = []
        for done, (trace, name) in enumerate(zip(traces, names, strict=True), start=1):
            yield Stage(f"Reading {name}")
            tasks.append(use_of(trace, request.scope, name, n_equal, request.seed))
            yield Progress.at_pace(done, len(traces), "traces", time.monotonic() - start)
        pruned, problem = yield from _pruned(request, traces, names, engine or Engine())
        everywhere = overlap([task.never_used for task in tasks])
        pairs = tuple(
            (one, other, overlap([tasks[one].never_used, tasks[other].never_used]))
            for one, other in combinations(range(len(tasks)), 2)
        )
        has_choices = any(trace.has_choices for trace in traces)
        item = item_name(has_choices=has_choices)
        return TasksResult(
            specification=traces[0].specification,
            scope=request.scope,
            seed=request.seed,
            layers=traces[0].specification.model.layers,
            tasks=tuple(tasks),
            everywhere=everywhere,
            pairs=pairs,
            pruned=pruned,
            finding=_finding(request.scope, tasks, everywhere, pairs, has_choices=has_choices),
            caveats=tuple(_caveats(tasks, item)),
            item=item,
            seconds=time.monotonic() - start,
            problem=problem,
        )


def task_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """What the tasks are called: their files, with the folder where two have one name."""
    stems = Counter(path.stem for path in paths)
    return tuple(path.stem if stems[path.stem] == 1 else f"{path.absolute().parent.name}/{path.stem}" for path in paths)


def _check(traces: Sequence[Trace]) -> None:
    if len({trace.path.resolve() for trace in traces}) < max(len(traces), 2):
        raise ExperimentError("Name at least two traces, each once: tasks are compared with each other.")
    first = traces[0]
    for trace in traces:
        if not trace.specification.actions.is_empty():
            raise ExperimentError(
                f"{trace.path.name} was recorded with an intervention: compare the tasks of baselines."
            )
        ours, theirs = first.specification.model, trace.specification.model
        if (ours.config_sha256, ours.weights_sha256) != (theirs.config_sha256, theirs.weights_sha256):
            raise ExperimentError(
                f"{first.path.name} ({ours.name}) and {trace.path.name} ({theirs.name}) are of models with other "
                "weights: their experts are not the same ones."
            )


def _pruned(
    request: TasksRequest, traces: Sequence[Trace], names: Sequence[str], engine: Engine
) -> Generator[Event, None, tuple[tuple[PrunedFor, ...], str]]:
    """What pruning did, or the sentence on why that is not known: the comparison stands without it."""
    if not request.prune:
        return (), ""
    try:
        return (yield from prune_for_each(request, traces, names, engine)), ""
    except MoeCoreError as error:
        problem = f"Nothing was pruned: {error}"
        yield Notice(problem.removesuffix("."))
        return (), problem


def _finding(
    scope: Scope,
    tasks: Sequence[TaskUse],
    everywhere: Overlap,
    pairs: Sequence[tuple[int, int, Overlap]],
    *,
    has_choices: bool,
) -> str:
    where = {
        Scope.ANSWER: f"at the {last_position(has_choices=has_choices)}",
        Scope.PROMPT: "at any prompt token",
        Scope.QUESTION: f"at any token of a {item_name(has_choices=has_choices)}",
    }
    n_all = tasks[0].counts.size
    text = (
        f"Of {count(n_all)} experts {count(everywhere.n_common)} ({percent(everywhere.n_common / n_all)}) are used by "
        f"none of {count(len(tasks))} tasks {where[scope]}, {_chance(everywhere)}"
    )
    if len(pairs) > 1:
        one, other, most = max(pairs, key=lambda pair: pair[2].jaccard if pair[2].n_any else -1.0)
        text += (
            f"; most alike are {tasks[one].name} and {tasks[other].name}, which leave {count(most.n_common)} of "
            f"{count(most.n_any)} unused together, {_chance(most)}"
        )
    return f"{text}."


def _chance(found: Overlap) -> str:
    expected = f"{significant(found.expected)} [{count(found.lower)}, {count(found.upper)}]"
    return f"against {expected} by chance ({p_value(found.p)} for as many or more)"


def _caveats(tasks: Sequence[TaskUse], item: str) -> list[str]:
    fewest = min(task.n for task in tasks)
    found = [
        "Chance: each task leaves as many experts of each layer unused as it does, but any of them; exact, by "
        "hypergeometric draws layer by layer",
        f"An expert that none of {counted(fewest, item)} uses may still be used by up to "
        f"{percent(float(wilson_95(0.0, fewest).upper))} of all (Wilson 95 %)",
    ]
    if len({task.n for task in tasks}) > 1:
        found.append(
            f"More {item}s use more experts: beside the counts stands what {counted(fewest, item)} of each task "
            f"use, the mean and 95 % of {count(DRAWS)} draws"
        )
    return found
