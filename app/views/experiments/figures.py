"""What the window draws of an experiment: its chart, the table behind that, and the rows of its points."""

from collections.abc import Sequence
from functools import partial
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.state.experiment_state import ExperimentRun
from moe_core.experiments.result import ExperimentPoint, curves_of
from moe_core.experiments.text import COLUMNS, point_name, table_row
from moe_core.figures.array_table import ArrayTable, ColumnStyle
from moe_core.figures.points import PointFigure
from moe_core.figures.table import FigureTable
from moe_core.jobs.runs.size_and_speed import SizeAndSpeed
from moe_core.numbers.formatting import (
    count,
    data_size,
    finite,
    fixed,
    number_interval,
    p_number,
    percent,
    percent_interval,
    points_interval,
    points_number,
    significant,
)
from moe_core.reports.experiment_figure import figure_of

_quantity = partial(ColumnStyle, exported=finite, is_number=True)
_nats = partial(significant, signed=True)


def _bytes(value: float) -> str:
    return data_size(int(value)) if isfinite(value) else ""


def _rate(value: float) -> str:
    return count(round(value)) if isfinite(value) else ""


POINT_STYLES = (
    ColumnStyle("number", "#", "number", "In which order the points were made", 4, exported=int, is_number=True),
    ColumnStyle("point", "Point", "point", "Which experts, and how far", 24, wide_width=40),
    _quantity("delta", "Change, points", "change of accuracy", "Accuracy after less before, points", 13, points_number),
    ColumnStyle("delta_ci", "95 %", "95 % interval of the change, points", "Tango's paired interval", 14),
    _quantity("p", "p", "p", "McNemar's exact p of this point alone", 8, p_number),
    _quantity("accuracy", "Accuracy", "accuracy", "Accuracy under the intervention", 9, percent),
    ColumnStyle("accuracy_ci", "95 %", "95 % interval of the accuracy, %", "Wilson's interval", 13),
    ColumnStyle("experts", "Experts", "experts", "To how many anything is done", 8, exported=int, is_number=True),
    _quantity("gold", "Log-prob., nats", "change of gold log-probability, nats", "Mean change, nats", 14, _nats),
    ColumnStyle("gold_ci", "95 %", "95 % interval of that change, nats", "Student's paired interval", 15),
    _quantity("prompt", "Prompt", "share of prompt routings", "Prompt-token routings to these experts", 8, percent),
    ColumnStyle("n", "n", "n", "Questions compared", 7, exported=int, is_number=True),
    _quantity("weights", "Weights", "weights of the smaller model, bytes", "Of the model without them", 9, _bytes),
    _quantity("peak", "Peak", "peak memory of the smaller model, bytes", "Weights and a forward pass", 9, _bytes),
    _quantity("speed", "Tokens/s", "tokens per second of the smaller model", "Beside the full one", 9, _rate),
    ColumnStyle("speed_ci", "Times as fast", "tokens per second over the full model's", "With its 95 % interval", 19),
)


def chart_of(run: ExperimentRun) -> PointFigure:
    """The chart of the points so far."""
    of = run.experiment
    return figure_of(run.points, of.quantity, of.axis, of.title)


def members_of(run: ExperimentRun) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """For each series of the chart and each of its points, places in `run.points`."""
    return tuple(curve.members for curve in curves_of(run.points, run.experiment.quantity))


def data_of(run: ExperimentRun) -> FigureTable:
    """Every point in full precision."""
    return FigureTable(COLUMNS, [table_row(point) for point in run.points])


def caption_of(run: ExperimentRun) -> str:
    """What the figure is of: the finding, model, quiz and n once it is done."""
    result = run.result
    if result is None:
        return f"{run.path.name} · {count(len(run.points))} points so far"
    parts = [result.finding, f"{result.specification.model.name} on {result.specification.quiz.name}"]
    parts += [f"scope {result.scope}", result.setting, f"n = {count(result.baseline.n)}", f"seed {result.seed}"]
    return " · ".join(parts)


def point_table(run: ExperimentRun) -> ArrayTable:
    """One row a point, in the order in which they were made."""
    return ArrayTable(POINT_STYLES, tuple(_columns(run.points)), np.zeros(len(run.points), bool))


def _columns(made: Sequence[ExperimentPoint]) -> list[list[str] | NDArray[Any]]:
    changes = [point.change for point in made]
    return [
        np.arange(1, len(made) + 1),
        [point_name(point) for point in made],
        np.array([change.delta for change in changes], np.float64),
        [points_interval(change.lower, change.upper) for change in changes],
        np.array([change.p for change in changes], np.float64),
        np.array([change.after.estimate for change in changes], np.float64),
        [percent_interval(change.after.lower, change.after.upper) for change in changes],
        np.array([point.n_experts for point in made], np.intp),
        np.array([point.gold_logprob.mean for point in made], np.float64),
        [number_interval(point.gold_logprob.lower, point.gold_logprob.upper) for point in made],
        np.array([point.touched.prompt_share for point in made], np.float64),
        np.array([change.n for change in changes], np.intp),
        *_sizes([point.size for point in made]),
    ]


def _sizes(sizes: Sequence[SizeAndSpeed | None]) -> list[list[str] | NDArray[Any]]:
    smaller = [None if size is None else size.smaller for size in sizes]
    return [
        np.array([nan if each is None else each.weight_bytes for each in smaller], np.float64),
        np.array([nan if each is None else each.peak_bytes for each in smaller], np.float64),
        np.array([nan if each is None else each.tokens_per_second for each in smaller], np.float64),
        [
            "" if size is None else f"{fixed(size.ratio, 2)} [{fixed(size.lower, 2)}, {fixed(size.upper, 2)}]"
            for size in sizes
        ],
    ]
