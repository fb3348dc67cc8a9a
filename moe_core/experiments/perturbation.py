"""Does near-uniform gating make top-k brittle? Noise of growing size, and which experts and answers change.

https://arxiv.org/abs/2502.17187 found gate weights that are nearly even, and asked what a small change of a router's
input then does to its choice. Noise is added to what routers read, while experts get what they ever got, or to the
embeddings; what it changes at the answer position is held against how even the gate weights were there, and how far
the first expert that was not chosen lay behind.

Axes: n questions measured, L MoE layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, scored_rows, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.result import ExperimentPoint, PointAxis, ResultDetail
from moe_core.experiments.text import gold_text
from moe_core.figures.colours import SERIES
from moe_core.figures.curves import Style
from moe_core.figures.points import PointFigure, PointSeries
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.noise import PLACES, Noise
from moe_core.measures.gate_margins import GateMargins, gate_margins
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, number_with_interval, percent_with_interval, short
from moe_core.numbers.intervals import proportion_95
from moe_core.numbers.paired_statistics import MeanChange, mean_change
from moe_core.numbers.rank_correlation import Correlation, clustered_rank_correlation
from moe_core.traces.reader import Trace

_TYPICAL = 0.25
"""Where the correlations are told: at the size whose share of exchanged experts is nearest to this."""
_STYLES = (Style(marker="circle"), Style(dash=(6, 3), marker="square"))


@dataclass(frozen=True)
class PerturbationDesign(Design):
    """`margins` are those of the measured questions, `layers` the decoder layers' own numbers."""

    margins: GateMargins | None = None
    layers: tuple[int, ...] = ()


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """One point a size for the router inputs and for the embeddings, over all questions."""
    measured = scored_rows(trace, rows)
    sizes = sorted(set(options.sizes))
    points = [_point(title, Noise(place, size, options.seed)) for place, title in PLACES.items() for size in sizes]
    return PerturbationDesign(
        size=size_of(trace),
        scope=Scope.ANSWER,
        measured=measured,
        points=tuple(points),
        setting=f"Noise on all tokens of {count(len(measured))} questions, seed {options.seed}, measured at the answer",
        caveats=(
            "A size is a share of the root mean square of each token's own values, in every layer; noise on the "
            "embeddings passes through all of them, and experts read it too",
            "Every token of every question has noise of its own; only a prefix that questions share runs once, and has "
            "one noise for all of them",
        ),
        margins=gate_margins(trace, measured),
        layers=trace.specification.model.layers,
    )


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """What noise on router inputs changed at a typical size, and whether that goes with even gates or narrow gaps."""
    assert isinstance(design, PerturbationDesign)
    point = _typical(points)
    exchanged, answers = exchanged_share(point), answer_share(point)
    evenness, gap = correlations(point, design)
    text = (
        f"Noise of {short(point.planned.x, 6)} times the size of the router inputs exchanged {_percent(exchanged)} of "
        f"the chosen experts at the answer position and {_percent(answers)} of the answers, and moved the "
        f"right answer's log-probability by {gold_text(point.gold_logprob)} (n = {count(point.change.n)})"
    )
    return (
        f"{text}. {_verdict(evenness)}: the exchanged share goes with the evenness of the gate weights by "
        f"{_told(evenness)} and with the gap to the next expert by {_told(gap)} (rank correlations over questions and "
        "layers)."
    )


def detail(points: Sequence[ExperimentPoint], design: Design) -> tuple[ResultDetail, ...]:
    """Exchanged experts and changed answers by size, and layer by layer at the typical size beside entropy and gap."""
    assert isinstance(design, PerturbationDesign)
    return (_by_size(points), _by_layer(_typical(points), design))


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """Every size in both places."""
    return len(set(options.sizes)) * len(PLACES)


def exchanged_share(point: ExperimentPoint) -> MeanChange:
    """Share of the experts at the answer position that were not chosen before: mean over layers and questions."""
    assert point.answered is not None
    assert point.answered.exchanged is not None
    of_question = point.answered.exchanged.mean(-1)
    return mean_change(of_question[np.isfinite(of_question)])


def answer_share(point: ExperimentPoint) -> MeanChange:
    """Share of the questions with another answer, Wilson 95 %."""
    assert point.answered is not None
    changed = point.answered.has_changed
    counts = np.isfinite(changed)
    found = proportion_95(int(changed[counts].sum()), int(counts.sum()))
    return MeanChange(found.n, found.estimate, found.lower, found.upper)


def correlations(point: ExperimentPoint, design: PerturbationDesign) -> tuple[Correlation, Correlation]:
    """Of the exchanged share with the evenness of the gate weights, and with the gap, over questions and layers."""
    assert point.answered is not None
    assert point.answered.exchanged is not None
    assert design.margins is not None
    exchanged = point.answered.exchanged
    evenness = clustered_rank_correlation(design.margins.evenness, exchanged)
    return evenness, clustered_rank_correlation(design.margins.gap, exchanged)


def _typical(points: Sequence[ExperimentPoint]) -> ExperimentPoint:
    """Of the points on router inputs that with a typical share of exchanged experts."""
    of_router = [point for point in points if point.planned.series == PLACES["router"]]
    return min(of_router, key=lambda point: abs(exchanged_share(point).mean - _TYPICAL))


def _verdict(evenness: Correlation) -> str:
    if evenness.lower > 0:
        return "Near-uniform gating makes top-k more brittle here"
    if evenness.upper < 0:
        return "Near-uniform gating does not make top-k more brittle here (even gates change less)"
    return "Whether near-uniform gating makes top-k brittle cannot be told here"


def _by_size(points: Sequence[ExperimentPoint]) -> ResultDetail:
    series, rows = [], list[tuple[str | float | int, ...]]()
    for at, place in enumerate(PLACES.values()):
        own = sorted((point for point in points if point.planned.series == place), key=lambda point: point.planned.x)
        shares = [exchanged_share(point) for point in own]
        series.append(_series(place, [point.planned.x for point in own], shares, at))
        for point, share in zip(own, shares, strict=True):
            answers = answer_share(point)
            rows.append(
                (place, point.planned.x, *_bounds(share), *_bounds(answers), *_bounds(point.gold_logprob), share.n)
            )
    figure = PointFigure(tuple(series), "size of the noise", "exchanged experts, %", title="Exchanged experts by size")
    columns = (
        *("noise on", "size", "exchanged", "low", "high", "other answers", "low", "high"),
        *("gold log-prob.", "low", "high", "n"),
    )
    return ResultDetail(figure, columns, tuple(rows))


def _by_layer(point: ExperimentPoint, design: PerturbationDesign) -> ResultDetail:
    assert point.answered is not None
    assert point.answered.exchanged is not None
    assert design.margins is not None
    rows, shares, gaps = list[tuple[str | float | int, ...]](), [], []
    for at, layer in enumerate(design.layers):
        known = np.isfinite(point.answered.exchanged[:, at])
        share = mean_change(point.answered.exchanged[known, at])
        evenness, gap = (_mean(values[known, at]) for values in (design.margins.evenness, design.margins.gap))
        rows.append((layer, evenness, gap, *_bounds(share), share.n))
        shares.append(share)
        gaps.append(gap)
    is_known = all(np.isfinite(gaps))
    x = gaps if is_known else [float(layer) for layer in design.layers]
    order = np.argsort(x, kind="stable").tolist()
    named = [f"layer {design.layers[at]}" for at in order]
    title = f"Exchanged experts of each layer at noise of {short(point.planned.x, 6)} on router inputs"
    figure = PointFigure(
        (_series("layers", [x[at] for at in order], [shares[at] for at in order], 0, named),),
        "mean gap of the K-th and the next router logit" if is_known else "layer",
        "exchanged experts, %",
        title=title,
    )
    columns = ("layer", "entropy / ln K", "gap", "exchanged", "low", "high", "n")
    return ResultDetail(figure, columns, tuple(rows))


def _series(
    name: str, x: Sequence[float], shares: Sequence[MeanChange], at: int, names: Sequence[str] = ()
) -> PointSeries:
    told = names or [f"{name}, {short(value, 6)}" for value in x]
    return PointSeries(
        name=name,
        x=tuple(x),
        values=tuple(100 * share.mean for share in shares),
        lower=tuple(100 * share.lower for share in shares),
        upper=tuple(100 * share.upper for share in shares),
        texts=tuple(f"{text}: {_percent(share)}" for text, share in zip(told, shares, strict=True)),
        colour=SERIES[at],
        style=_STYLES[at],
    )


def _point(title: str, noise: Noise) -> PlannedPoint:
    size = short(noise.size, 6)
    return PlannedPoint(title, size, noise.size, Intervention(f"noise of {size} on {title}", noise=noise))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _bounds(share: MeanChange) -> tuple[float, float, float]:
    return share.mean, share.lower, share.upper


def _percent(share: MeanChange) -> str:
    return percent_with_interval(share.mean, share.lower, share.upper)


def _told(found: Correlation) -> str:
    if not np.isfinite(found.value):
        return "an unknown amount"
    return number_with_interval(found.value, found.lower, found.upper, signed=True)


PERTURBATION = Experiment(
    name="perturbation",
    title="Perturbation",
    question="How many experts and answers change with a little noise, and is that so where gates are nearly even?",
    reads=("sizes",),
    scope=Scope.ANSWER,
    quantity="gold",
    axis=PointAxis("size of the noise"),
    halves=False,
    design=design,
    conclude=conclude,
    count_runs=count_runs,
    detail=detail,
    keeps_experts=True,
)
