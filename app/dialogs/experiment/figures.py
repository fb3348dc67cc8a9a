"""What the window draws of an experiment: its chart, the table behind that, and the rows of its points."""

from collections.abc import Sequence
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import theme
from app.running.experiments import ExperimentRun
from app.widgets.tables.array_table import ArrayTable, ColumnStyle
from moe_core.experiments.result import ExperimentPoint, ResultCurve, curves_of
from moe_core.experiments.text import COLUMNS, delta_text, point_name, range_text, table_row
from moe_core.figures.curves import Reference, Style
from moe_core.figures.points import PointFigure, PointSeries
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import (
    count,
    p_value,
    percent,
    percent_interval,
    percent_with_interval,
    points,
    points_interval,
    significant,
)

_STYLES = (
    (theme.WHAT_IF, Style(marker="circle")),
    ("#E69F00", Style(dash=(6, 3), marker="square")),
    ("#56B4E9", Style(dash=(2, 2), marker="diamond")),
    (theme.RIGHT, Style(dash=(8, 3, 2, 3), marker="triangle")),
)
_RANDOM = (theme.REFERENCE, Style(dash=(3, 3), marker="triangle"))


def _points(value: float) -> str:
    return points(value).removesuffix(" points")


def _p(value: float) -> str:
    return p_value(value).removeprefix("p = ").removeprefix("p ")


def _nats(value: float) -> str:
    return f"+{significant(value)}" if value > 0 else significant(value)


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


_quantity = partial(ColumnStyle, exported=_number, is_number=True)

POINT_STYLES = (
    ColumnStyle("number", "#", "number", "In which order the points were made", 4, exported=int, is_number=True),
    ColumnStyle("point", "Point", "point", "Which experts, and how far", 24, wide_width=40),
    _quantity("delta", "Change", "change of accuracy", "Accuracy after less before, percentage points", 8, _points),
    ColumnStyle("delta_ci", "95 %", "95 % interval of the change, points", "Tango's paired interval", 14),
    _quantity("p", "p", "p", "McNemar's exact p of this point alone", 8, _p),
    _quantity("accuracy", "Accuracy", "accuracy", "Accuracy under the intervention", 9, percent),
    ColumnStyle("accuracy_ci", "95 %", "95 % interval of the accuracy, %", "Wilson's interval", 13),
    ColumnStyle("experts", "Experts", "experts", "To how many anything is done", 8, exported=int, is_number=True),
    _quantity("gold", "Log-prob.", "change of gold log-probability, nats", "Mean change, nats", 10, _nats),
    _quantity("prompt", "Prompt", "share of prompt routings", "Prompt-token routings to these experts", 8, percent),
    ColumnStyle("n", "n", "n", "Questions compared", 7, exported=int, is_number=True),
)


def chart_of(run: ExperimentRun) -> PointFigure:
    """The chart of the points so far; percent and percentage points."""
    experiment = run.experiment
    curves = curves_of(run.points, experiment.quantity)
    scale = 100.0 if experiment.x_title.startswith("share") else 1.0
    names = () if experiment.x_title else tuple(label for curve in curves for label in curve.labels)
    return PointFigure(
        series=tuple(_series(curve, at, run, scale) for at, curve in enumerate(curves)),
        x_title=f"{experiment.x_title}, %" if scale > 1 else experiment.x_title,
        y_title="accuracy, %" if experiment.quantity == "accuracy" else "change of accuracy, percentage points",
        reference=_reference(run),
        names=names,
    )


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
        np.array([point.touched.prompt_share for point in made], np.float64),
        np.array([change.n for change in changes], np.intp),
    ]


def _series(curve: ResultCurve, at: int, run: ExperimentRun, scale: float) -> PointSeries:
    colour, style = _RANDOM if curve.is_random else _STYLES[at % len(_STYLES)]
    return PointSeries(
        name=curve.name,
        x=tuple(x * scale for x in curve.x),
        values=tuple(100 * value for value in curve.values),
        lower=tuple(100 * value for value in curve.lower),
        upper=tuple(100 * value for value in curve.upper),
        texts=tuple(_readout([run.points[place] for place in members]) for members in curve.members),
        colour=colour,
        style=style,
        is_band=curve.is_random,
    )


def _readout(group: Sequence[ExperimentPoint]) -> str:
    first = group[0]
    if not first.planned.repeat:
        after, n = first.change.after, count(first.change.n)
        accuracy = percent_with_interval(after.estimate, after.lower, after.upper)
        return f"{point_name(first)}: {accuracy}, {delta_text(first.change)}, {p_value(first.change.p)}, n = {n}"
    return f"{first.planned.series}, {first.planned.label}: {range_text([point.change.delta for point in group])}"


def _reference(run: ExperimentRun) -> Reference | None:
    if run.experiment.quantity == "delta":
        return Reference(0.0, "baseline")
    if not run.points:
        return None
    before = run.points[0].change.before.estimate
    return Reference(100 * before, f"baseline {percent(before)}")
