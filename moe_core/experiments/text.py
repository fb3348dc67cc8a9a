"""An experiment's result as lines for people, JSON for scripts and rows for a table; the same numbers in all."""

import csv
import io
from collections.abc import Sequence
from math import isfinite
from typing import Any

from moe_core.comparison.text import change_json
from moe_core.experiments.result import ExperimentPoint, ExperimentResult, ResultDetail
from moe_core.jobs.runs.size_and_speed import SizeAndSpeed
from moe_core.numbers.formatting import (
    count,
    counted,
    data_size,
    finite,
    finite_bounds,
    fixed,
    p_value,
    percent,
    points,
    points_number,
    short,
)

METHODS = (
    "Intervals are 95 %: Wilson for accuracies, Tango's paired score interval for deltas, Student's t for "
    "log-probabilities and times; p is McNemar's, exact, of each point alone."
)
COLUMNS = (
    "series",
    "point",
    "x",
    "draw",
    "experts",
    "neurons",
    "effect",
    "n",
    "accuracy",
    "accuracy, lower",
    "accuracy, upper",
    "delta",
    "delta, lower",
    "delta, upper",
    "p",
    "right to wrong",
    "wrong to right",
    "gold log-probability change, nats",
    "its lower bound",
    "its upper bound",
    "answer routings touched",
    "prompt routings touched",
    "share of prompt routings touched",
    "weights, bytes",
    "weights of the full model, bytes",
    "peak, bytes",
    "peak of the full model, bytes",
    "tokens per second",
    "tokens per second of the full model",
    "times as fast",
    "times as fast, lower",
    "times as fast, upper",
)


def range_text(deltas: Sequence[float]) -> str:
    """`−2.2 points on average of 5 draws, −3.9 to −0.5`; of one draw `−2.2 points in one draw`."""
    if len(deltas) == 1:
        return f"{points(deltas[0])} in one draw"
    spread = f"{points_number(min(deltas))} to {points_number(max(deltas))}"
    return f"{points(sum(deltas) / len(deltas))} on average of {count(len(deltas))} draws, {spread}"


def point_name(point: ExperimentPoint) -> str:
    """Series, place and draw: `at random, 25.0 % (8 of 32), draw 3`."""
    planned = point.planned
    parts = [planned.series, planned.label if planned.label != planned.series else ""]
    parts.append(f"draw {planned.repeat}" if planned.repeat else "")
    return ", ".join(part for part in parts if part)


def target_text(point: ExperimentPoint) -> str:
    """To what anything is done: `8 experts`, `96 neurons of 8 experts`, `noise`."""
    experts = counted(point.n_experts, "expert")
    n_neurons = len(point.intervention.neurons)
    if point.intervention.noise:
        return "noise"
    return f"{counted(n_neurons, 'neuron')} of {experts}" if n_neurons else experts


def point_line(point: ExperimentPoint) -> str:
    """One point: what it is, its accuracy, its change, and n."""
    after = point.change.after
    return (
        f"{point_name(point)}: {target_text(point)}, "
        f"{after.text}, {point.change.delta_text}, "
        f"{p_value(point.change.p)}, log-probability {point.gold_logprob.nats_text}, n = {count(point.change.n)}"
        + ("" if point.size is None else f"; {size_text(point.size)}")
    )


def size_text(size: SizeAndSpeed) -> str:
    """The smaller model beside the full one: `weights 8.1 MB of 12.3 MB, at the peak 9.2 of 13.4, 1.04 times ..`."""
    small, full = size.smaller, size.full
    rates = [count(round(each.tokens_per_second)) for each in (small, full)]
    return (
        f"weights {data_size(small.weight_bytes)} instead of {data_size(full.weight_bytes)}, with a batch of "
        f"{count(size.n_tokens)} tokens at the peak {data_size(small.peak_bytes)} instead of "
        f"{data_size(full.peak_bytes)}, {rates[0]} instead of {rates[1]} tokens/s "
        f"({fixed(size.ratio, 2)} times as fast [{fixed(size.lower, 2)}, {fixed(size.upper, 2)}])"
    )


def result_lines(result: ExperimentResult) -> list[str]:
    """The finding first, then every point, then what limits it."""
    run, found = result.specification, result.baseline
    return [
        f"{result.title}: {run.model.name} on {run.quiz.name} ({result.trace})",
        result.finding,
        f"{result.setting}.",
        f"baseline: {found.text}, n = {count(found.n)}",
        *(f"  {point_line(point)}" for point in result.points),
        *(line for detail in result.details for line in detail_lines(detail)),
        *(f"note: {caveat}" for caveat in result.caveats),
        METHODS,
    ]


def detail_lines(detail: ResultDetail) -> list[str]:
    """What stands beside the points, as an aligned table under its title."""
    rows = [detail.columns, *detail_rows(detail)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(detail.columns))]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return [f"{detail.figure.title}:", *(f"  {line}" for line in lines)]


def detail_rows(detail: ResultDetail) -> list[tuple[str, ...]]:
    """Its numbers as a paper prints them; nothing where there is none."""
    return [tuple(map(_shown, row)) for row in detail.rows]


def _shown(value: str | float | int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return count(value)
    return short(value) if isfinite(value) else ""


def _detail_json(detail: ResultDetail) -> dict[str, Any]:
    rows = [[value if isinstance(value, str) else finite(value) for value in row] for row in detail.rows]
    return {"title": detail.figure.title, "columns": list(detail.columns), "rows": rows}


def result_json(result: ExperimentResult) -> dict[str, Any]:
    """The object that `experiment --json` prints; shares in 0..1, nats, null where there is no number."""
    run, found = result.specification, result.baseline
    return {
        "experiment": result.name,
        "title": result.title,
        "trace": result.trace,
        "model": run.model.name,
        "quiz": run.quiz.name,
        "scope": result.scope.value,
        "seed": result.seed,
        "setting": result.setting,
        "n": found.n,
        "baseline_accuracy": found.estimate,
        "baseline_accuracy_ci95": [found.lower, found.upper],
        "finding": result.finding,
        "caveats": list(result.caveats),
        "points": [point_json(point) for point in result.points],
        "details": [_detail_json(detail) for detail in result.details],
        "methods": METHODS,
        "seconds": result.seconds,
        "chosen_point": result.chosen,
        "kept": None if result.kept is None else str(result.kept),
    }


def point_json(point: ExperimentPoint) -> dict[str, Any]:
    """One point of `experiment --json`."""
    planned, gold = point.planned, point.gold_logprob
    return {
        "series": planned.series,
        "label": planned.label,
        "x": planned.x,
        "draw": planned.repeat or None,
        "n_experts": point.n_experts,
        "n_neurons": len(planned.intervention.neurons),
        "n": point.change.n,
        **change_json(point.change),
        "right_to_wrong": point.change.losses,
        "wrong_to_right": point.change.gains,
        "gold_logprob_change": {"n": gold.n, "mean": finite(gold.mean), "ci95": finite_bounds(gold.lower, gold.upper)},
        "touched": {
            "answer_routings": point.touched.answer,
            "answer_routings_of": point.touched.n_answer,
            "prompt_routings": point.touched.prompt,
            "prompt_routings_of": point.touched.n_prompt,
        },
        "size_and_speed": None if point.size is None else point.size.to_json(),
        "intervention": planned.intervention.to_file_json(),
    }


def table_row(point: ExperimentPoint) -> tuple[str | float | int | None, ...]:
    """One point as COLUMNS name it; full precision, None where there is no number."""
    planned, change, gold = point.planned, point.change, point.gold_logprob
    return (
        planned.series,
        planned.label,
        planned.x,
        planned.repeat or None,
        point.n_experts,
        len(planned.intervention.neurons),
        planned.intervention.effect,
        change.n,
        *(finite(value) for value in (change.after.estimate, change.after.lower, change.after.upper)),
        *(finite(value) for value in (change.delta, change.lower, change.upper, change.p)),
        change.losses,
        change.gains,
        *(finite(value) for value in (gold.mean, gold.lower, gold.upper)),
        point.touched.answer,
        point.touched.prompt,
        finite(point.touched.prompt_share),
        *_size_row(point.size),
    )


def _size_row(size: SizeAndSpeed | None) -> tuple[float | int | None, ...]:
    if size is None:
        return (None,) * 9
    small, full = size.smaller, size.full
    weights_and_peak = small.weight_bytes, full.weight_bytes, small.peak_bytes, full.peak_bytes
    return (*weights_and_peak, small.tokens_per_second, full.tokens_per_second, size.ratio, size.lower, size.upper)


def result_csv(result: ExperimentResult) -> str:
    """One row a point; the finding stands first, behind a number sign."""
    text = io.StringIO()
    text.write(f"# {' '.join(result.finding.split())}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([["" if value is None else value for value in table_row(point)] for point in result.points])
    return text.getvalue()


def touched_text(point: ExperimentPoint) -> str:
    """`12.3 % of prompt-token routings`."""
    return f"{percent(point.touched.prompt_share)} of prompt-token routings"
