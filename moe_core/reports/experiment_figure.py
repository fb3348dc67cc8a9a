"""What an experiment looks like, on its page and in the window: its curves in percent, beside the baseline."""

from collections.abc import Sequence

from moe_core.experiments.result import ExperimentPoint, PointAxis, Quantity, ResultCurve, curves_of
from moe_core.experiments.text import point_name, range_text
from moe_core.figures.colour.colours import REFERENCE, SERIES
from moe_core.figures.curves import Reference, Style
from moe_core.figures.points import PointFigure, PointSeries
from moe_core.numbers.formatting import (
    count,
    counted,
    number_interval,
    p_value,
    percent,
    significant,
)

_STYLES = (
    Style(marker="circle"),
    Style(dash=(6, 3), marker="square"),
    Style(dash=(2, 2), marker="diamond"),
    Style(dash=(8, 3, 2, 3), marker="triangle"),
)
_Y_TITLES = {
    "accuracy": "accuracy, %",
    "delta": "change of accuracy, percentage points",
    "gold": "change of gold log-probability, nats",
}
_RANDOM = (REFERENCE, Style(dash=(3, 3), marker="triangle"))


def figure_of(points: Sequence[ExperimentPoint], quantity: Quantity, axis: PointAxis, title: str) -> PointFigure:
    """The chart of the points, of all or of those so far; percent and percentage points."""
    curves = curves_of(points, quantity)
    return PointFigure(
        series=tuple(
            _series(curve, at, points, 100.0 if axis.is_share else 1.0, quantity) for at, curve in enumerate(curves)
        ),
        x_title=f"{axis.title}, %" if axis.is_share else axis.title,
        y_title=_Y_TITLES[quantity],
        reference=_reference(points, quantity),
        names=() if axis.title else tuple(label for curve in curves for label in curve.labels),
        title=title,
    )


def _series(
    curve: ResultCurve, at: int, points: Sequence[ExperimentPoint], scale: float, quantity: Quantity
) -> PointSeries:
    times = 1.0 if quantity == "gold" else 100.0
    colour, style = _RANDOM if curve.is_random else (SERIES[at % len(SERIES)], _STYLES[at % len(_STYLES)])
    return PointSeries(
        name=curve.name,
        x=tuple(x * scale for x in curve.x),
        values=tuple(times * value for value in curve.values),
        lower=tuple(times * value for value in curve.lower),
        upper=tuple(times * value for value in curve.upper),
        texts=tuple(_readout([points[place] for place in members], quantity) for members in curve.members),
        colour=colour,
        style=style,
        is_band=curve.is_random,
    )


def _readout(group: Sequence[ExperimentPoint], quantity: Quantity) -> str:
    first = group[0]
    if quantity == "gold":
        means = [point.gold_logprob.mean for point in group]
        if first.planned.repeat:
            spread = number_interval(min(means), max(means))
            mean = significant(sum(means) / len(means), signed=True)
            return f"{first.planned.series}, {first.planned.label}: {mean} nats, {counted(len(group), 'draw')} {spread}"
        return f"{point_name(first)}: {first.gold_logprob.nats_text}, n = {count(first.gold_logprob.n)}"
    if not first.planned.repeat:
        after, n = first.change.after, count(first.change.n)
        return f"{point_name(first)}: {after.text}, {first.change.delta_text}, {p_value(first.change.p)}, n = {n}"
    return f"{first.planned.series}, {first.planned.label}: {range_text([point.change.delta for point in group])}"


def _reference(points: Sequence[ExperimentPoint], quantity: Quantity) -> Reference | None:
    if quantity != "accuracy":
        return Reference(0.0, "baseline")
    if not points:
        return None
    before = points[0].change.before.estimate
    return Reference(100 * before, f"baseline {percent(before)}")
