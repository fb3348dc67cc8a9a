"""What tasks use, as lines for people, JSON for scripts and rows for a table; the same numbers in all."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from moe_core.experiments.tasks.overlap import Overlap
from moe_core.experiments.tasks.result import PrunedFor, TasksResult
from moe_core.experiments.tasks.usage import TaskUse
from moe_core.experiments.text import point_json
from moe_core.numbers.formatting import count, finite, p_number, percent, significant
from moe_core.system.console_text import aligned

METHODS = (
    "Intervals are 95 %: Wilson for the share of those that use an expert, the range of 95 % of draws for experts "
    "used by equally many; of a pruned task Tango's for accuracy, Student's t for log-probabilities, paired."
)
USE_HEADS = ("task", "quiz", "n", "accuracy", "experts used", "never used", "used at equal n")
PAIR_HEADS = ("tasks", "never used by each", "by both", "by any", "Jaccard", "by chance", "p")
PRUNED_HEADS = ("pruned by", "measured on", "experts gone", "change of accuracy", "gold log-probability", "n")
COLUMNS = (
    "task",
    "layer",
    "decoder_layer",
    "expert",
    "questions_using",
    "questions",
    "share",
    "share_low",
    "share_high",
)


def tasks_lines(found: TasksResult) -> list[str]:
    """The finding first, then the tasks, every two, what pruning did, and what limits it."""
    run = found.specification
    lines = [f"Tasks of {run.model.name}, scope {found.scope}", found.finding, ""]
    for heads, rows in tables(found):
        lines += [*aligned([heads, *rows]), ""]
    lines += [found.problem] if found.problem else []
    return [*lines, *(f"note: {caveat}" for caveat in found.caveats), METHODS]


def tables(found: TasksResult) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Heads and rows of each table; that of pruning only where something was pruned."""
    made: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = [
        (USE_HEADS, [_use_row(task) for task in found.tasks]),
        (PAIR_HEADS, [_pair_row(found, *pair) for pair in _every_pair(found)]),
    ]
    if found.pruned:
        made.append((PRUNED_HEADS, [_pruned_row(found, each) for each in found.pruned]))
    return made


def tasks_json(found: TasksResult) -> dict[str, Any]:
    """The object that `experiment tasks --json` prints; shares in 0..1, nats."""
    names = [task.name for task in found.tasks]
    return {
        "experiment": "tasks",
        "model": found.specification.model.name,
        "scope": found.scope.value,
        "seed": found.seed,
        "finding": found.finding,
        "caveats": list(found.caveats),
        "layers": list(found.layers),
        "tasks": [_task_json(task) for task in found.tasks],
        "unused_everywhere": [list(expert) for expert in found.unused_everywhere],
        "everywhere": _overlap_json(found.everywhere),
        "pairs": [{"tasks": [names[a], names[b]], **_overlap_json(pair)} for a, b, pair in found.pairs],
        "pruned": [{"by": names[each.by], "on": names[each.on], **point_json(each.point)} for each in found.pruned],
        "pruning_problem": found.problem or None,
        "methods": METHODS,
        "seconds": found.seconds,
    }


def tasks_csv(found: TasksResult) -> str:
    """One row a task and expert; the finding stands first, behind a number sign."""
    text = io.StringIO()
    text.write(f"# {found.finding}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for task in found.tasks:
        shares = task.shares
        for (layer, expert), n in _cells(task):
            bounds = (float(values[layer, expert]) for values in (shares.lower, shares.upper))
            writer.writerow((task.name, *[found.layers[layer]] * 2, expert, n, task.n, n / task.n, *bounds))
    return text.getvalue()


def _cells(task: TaskUse) -> Iterator[tuple[tuple[int, int], int]]:
    n_layers, n_experts = task.counts.shape
    for layer in range(n_layers):
        for expert in range(n_experts):
            yield (layer, expert), int(task.counts[layer, expert])


def _task_json(task: TaskUse) -> dict[str, Any]:
    shares = task.shares
    return {
        "task": task.name,
        "quiz": task.quiz,
        "n": task.n,
        "accuracy": task.accuracy,
        "experts_used": task.n_used,
        "used_at_equal_n": {
            "n": task.equal.n,
            "mean": task.equal.mean,
            "range95": [task.equal.lower, task.equal.upper],
        },
        "questions_using": task.counts.tolist(),
        "share_ci95": [shares.lower.tolist(), shares.upper.tolist()],
    }


def _overlap_json(found: Overlap) -> dict[str, Any]:
    return {
        "never_used": list(found.sizes),
        "common": found.n_common,
        "any": found.n_any,
        "jaccard": finite(found.jaccard),
        "expected": found.expected,
        "chance95": [found.lower, found.upper],
        "p": found.p,
    }


def _use_row(task: TaskUse) -> tuple[str, ...]:
    n_all, equal = task.counts.size, task.equal
    return (
        task.name,
        task.quiz,
        count(task.n),
        "no answers" if task.accuracy is None else percent(task.accuracy),
        f"{count(task.n_used)} of {count(n_all)}",
        percent(1 - task.n_used / n_all),
        f"{significant(equal.mean)} [{count(equal.lower)}, {count(equal.upper)}]",
    )


def _every_pair(found: TasksResult) -> list[tuple[str, Overlap]]:
    names = [task.name for task in found.tasks]
    pairs = [(f"{names[one]}, {names[other]}", pair) for one, other, pair in found.pairs]
    return [*pairs, *([("all", found.everywhere)] if len(names) > 2 else [])]


def _pair_row(found: TasksResult, name: str, pair: Overlap) -> tuple[str, ...]:
    return (
        name,
        ", ".join(map(count, pair.sizes)),
        count(pair.n_common),
        count(pair.n_any),
        significant(pair.jaccard) if pair.n_any else "",
        f"{significant(pair.expected)} [{count(pair.lower)}, {count(pair.upper)}]",
        p_number(pair.p),
    )


def _pruned_row(found: TasksResult, each: PrunedFor) -> tuple[str, ...]:
    by, on = (found.tasks[at].name for at in (each.by, each.on))
    point = each.point
    changes = point.change.delta_text, point.gold_logprob.nats_text
    return (by, on, count(point.n_experts), *changes, count(point.change.n))
