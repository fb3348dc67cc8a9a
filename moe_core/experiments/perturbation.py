"""Does near-uniform gating make top-k brittle? Noise of growing size, and which experts and answers change.

https://arxiv.org/abs/2502.17187 found gate weights that are nearly even, and asked what a small change of a router's
input then does to its choice. Noise is added to what routers read, while experts get what they ever got, or to the
embeddings; what it changes, at the answer position and at all tokens of the prompts, is held against how even the gate
weights of the same tokens were, and how far the first expert that was not chosen lay behind.

Axes: n questions measured, L MoE layers.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, scored_rows, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.kept.expert_gaps import known_gaps, measure_gaps
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, PointAxis, ResultDetail
from moe_core.figures.colour.colours import SERIES
from moe_core.figures.curves import Style
from moe_core.figures.points import PointFigure, PointSeries
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.noise import PLACES, Noise
from moe_core.jobs.events import Event
from moe_core.jobs.models.engine import Engine
from moe_core.measures.gate_margins import GateMargins, gate_margins, prompt_margins
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, number_with_interval, percent_with_interval, short
from moe_core.numbers.intervals import proportion_95, wilson_95
from moe_core.numbers.paired_statistics import MeanChange
from moe_core.numbers.rank_correlation import Correlation, clustered_rank_correlation
from moe_core.traces.reader import Trace

_TYPICAL = 0.25
"""Where the correlations are told: at the size whose share of exchanged experts is nearest to this."""
_STYLES = (Style(marker="circle"), Style(dash=(6, 3), marker="square"))
_WHERE = {Scope.ANSWER: "at the answer", Scope.PROMPT: "at all tokens"}
_NO_TOKENS = "The trace keeps the answer position only: what changes at the other tokens of the prompts is not known"


@dataclass(frozen=True)
class PerturbationDesign(Design):
    """`margins` are those of the measured questions by scope, all prompt tokens only where the trace keeps them.

    `layers` are the decoder layers' own numbers.
    """

    margins: Mapping[Scope, GateMargins] = field(default_factory=dict)
    layers: tuple[int, ...] = ()


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """One point a size for the router inputs and for the embeddings, over all questions."""
    measured = scored_rows(trace, rows)
    sizes = sorted(set(options.sizes))
    points = [_point(title, Noise(place, size, options.seed)) for place, title in PLACES.items() for size in sizes]
    margins = {Scope.ANSWER: gate_margins(trace, measured)}
    if trace.dimensions.keeps_tokens:
        margins[Scope.PROMPT] = prompt_margins(trace, measured, known_gaps(trace, measured))
    where = "at the answer and at all tokens" if Scope.PROMPT in margins else "at the answer"
    return PerturbationDesign(
        size=size_of(trace),
        scope=Scope.ANSWER,
        measured=measured,
        points=tuple(points),
        setting=f"Noise on all tokens of {count(len(measured))} questions, seed {options.seed}, measured {where}",
        caveats=(
            "A size is a share of the root mean square of each token's own values, in every layer; noise on the "
            "embeddings passes through all of them, and experts read it too",
            "Every token of every prompt has noise of its own",
            *(() if Scope.PROMPT in margins else (_NO_TOKENS,)),
        ),
        keeps_routing=Scope.PROMPT if Scope.PROMPT in margins else Scope.ANSWER,
        margins=margins,
        layers=trace.specification.model.layers,
    )


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """What noise on router inputs changed at a typical size, and whether that goes with even gates or narrow gaps."""
    assert isinstance(design, PerturbationDesign)
    point = _typical(points)
    shares = {scope: _percent(exchanged_share(point, scope)) for scope in design.margins}
    exchanged = f"{shares.pop(Scope.ANSWER)} of the chosen experts {_WHERE[Scope.ANSWER]}" + "".join(
        f" and {share} {_WHERE[scope]}" for scope, share in shares.items()
    )
    text = (
        f"Noise of {short(point.planned.x, 6)} times the size of the router inputs exchanged {exchanged}, "
        f"changed {_percent(answer_share(point))} of the answers, and moved the right answer's "
        f"log-probability by {point.gold_logprob.nats_text} (n = {count(point.change.n)})"
    )
    found = {scope: correlations(point, design, scope) for scope in design.margins}
    told = "; ".join(
        f"{_WHERE[scope]} by {_told(evenness)} with the evenness of the gate weights and by {_told(gap)} with the gap "
        "to the next expert"
        for scope, (evenness, gap) in found.items()
    )
    verdict = " and ".join(f"{_verdict(evenness)} {_WHERE[scope]}" for scope, (evenness, _) in found.items())
    return (
        f"{text}. Near-uniform gating makes top-k {verdict} here: the exchanged share goes, {told} (rank correlations "
        "over questions and layers)."
    )


def detail(points: Sequence[ExperimentPoint], design: Design) -> tuple[ResultDetail, ...]:
    """Exchanged experts and changed answers by size, and layer by layer at the typical size beside entropy and gap."""
    assert isinstance(design, PerturbationDesign)
    by_layer = (_by_layer(_typical(points), design, scope) for scope in design.margins)
    return (_by_size(points, tuple(design.margins)), *by_layer)


def prepare(
    request: ExperimentRequest, trace: Trace, rows: tuple[int, ...], engine: Engine
) -> Generator[Event, None, None]:
    """How far the next expert lies behind at every prompt token, where the trace keeps what was chosen there."""
    if trace.dimensions.keeps_tokens:
        yield from measure_gaps(request, trace, scored_rows(trace, rows), engine)


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """Every size in both places."""
    return len(set(options.sizes)) * len(PLACES)


def exchanged_share(point: ExperimentPoint, scope: Scope = Scope.ANSWER) -> MeanChange:
    """Share of the experts that were not chosen before: mean over tokens in scope, layers and then questions."""
    return _mean_share(exchanged(point, scope).mean(-1))


def exchanged(point: ExperimentPoint, scope: Scope) -> NDArray[np.float64]:
    """The same of each question and layer [n, L]."""
    assert point.answered is not None
    found = point.answered.exchanged if scope is Scope.ANSWER else point.answered.prompt_exchanged
    assert found is not None, "the design has its points keep it"
    return found


def _mean_share(of_questions: NDArray[np.float64]) -> MeanChange:
    """The mean of shares 0..1, one a question, NaN aside, with Wilson's 95 % interval at their effective sample size.

    Where all questions have the same share, as where nothing was exchanged, each is one observation.
    """
    shares = of_questions[np.isfinite(of_questions)]
    n, mean = len(shares), float(shares.mean()) if len(shares) else float("nan")
    spread = float(shares.var(ddof=1)) / n if n > 1 else 0.0
    bounds = wilson_95(mean, mean * (1 - mean) / spread if spread > 0 else n)
    return MeanChange(n, mean, float(bounds.lower), float(bounds.upper))


def answer_share(point: ExperimentPoint) -> MeanChange:
    """Share of the questions with another answer, Wilson 95 %."""
    assert point.answered is not None
    changed = point.answered.has_changed
    counts = np.isfinite(changed)
    found = proportion_95(int(changed[counts].sum()), int(counts.sum()))
    return MeanChange(found.n, found.estimate, found.lower, found.upper)


def correlations(
    point: ExperimentPoint, design: PerturbationDesign, scope: Scope = Scope.ANSWER
) -> tuple[Correlation, Correlation]:
    """Of the exchanged share with the evenness of the gate weights, and with the gap, over questions and layers."""
    margins, share = design.margins[scope], exchanged(point, scope)
    return clustered_rank_correlation(margins.evenness, share), clustered_rank_correlation(margins.gap, share)


def _typical(points: Sequence[ExperimentPoint]) -> ExperimentPoint:
    """Of the points on router inputs that with a typical share of exchanged experts."""
    of_router = [point for point in points if point.planned.series == PLACES["router"]]
    return min(of_router, key=lambda point: abs(exchanged_share(point).mean - _TYPICAL))


def _verdict(evenness: Correlation) -> str:
    if evenness.lower > 0:
        return "more brittle"
    return "less brittle" if evenness.upper < 0 else "not clearly more or less brittle"


def _by_size(points: Sequence[ExperimentPoint], scopes: tuple[Scope, ...]) -> ResultDetail:
    series, rows = [], list[tuple[str | float | int, ...]]()
    for at, place in enumerate(PLACES.values()):
        own = sorted((point for point in points if point.planned.series == place), key=lambda point: point.planned.x)
        sizes = [point.planned.x for point in own]
        for dash, scope in enumerate(scopes):
            shares = [exchanged_share(point, scope) for point in own]
            series.append(_series(f"{place}, {_WHERE[scope]}", sizes, shares, SERIES[at], _STYLES[dash]))
        for point in own:
            bounds = [_bounds(exchanged_share(point, scope)) for scope in scopes]
            changes = (answer_share(point), point.gold_logprob)
            told = (value for of in (*bounds, *map(_bounds, changes)) for value in of)
            rows.append((place, point.planned.x, *told, point.change.n))
    figure = PointFigure(tuple(series), "size of the noise", "exchanged experts, %", title="Exchanged experts by size")
    columns = (
        *("noise on", "size"),
        *(name for scope in scopes for name in (f"exchanged {_WHERE[scope]}", "low", "high")),
        *("other answers", "low", "high", "gold log-prob.", "low", "high", "n"),
    )
    return ResultDetail(figure, columns, tuple(rows))


def _by_layer(point: ExperimentPoint, design: PerturbationDesign, scope: Scope) -> ResultDetail:
    moved, margins = exchanged(point, scope), design.margins[scope]
    rows, shares, gaps = list[tuple[str | float | int, ...]](), [], []
    for at, layer in enumerate(design.layers):
        known = np.isfinite(moved[:, at])
        share = _mean_share(moved[:, at])
        evenness, gap = (_mean(values[known, at]) for values in (margins.evenness, margins.gap))
        rows.append((layer, evenness, gap, *_bounds(share), share.n))
        shares.append(share)
        gaps.append(gap)
    is_known = all(np.isfinite(gaps))
    x = gaps if is_known else [float(layer) for layer in design.layers]
    order = np.argsort(x, kind="stable").tolist()
    named = [f"layer {design.layers[at]}" for at in order]
    noise = f"at noise of {short(point.planned.x, 6)} on router inputs"
    title = f"Exchanged experts of each layer {_WHERE[scope]} {noise}"
    figure = PointFigure(
        (_series("layers", [x[at] for at in order], [shares[at] for at in order], SERIES[0], _STYLES[0], named),),
        "mean gap of the K-th and the next router logit" if is_known else "layer",
        "exchanged experts, %",
        title=title,
    )
    columns = ("layer", "entropy / ln K", "gap", "exchanged", "low", "high", "n")
    return ResultDetail(figure, columns, tuple(rows))


def _series(
    name: str,
    x: Sequence[float],
    shares: Sequence[MeanChange],
    colour: str,
    style: Style,
    names: Sequence[str] = (),
) -> PointSeries:
    told = names or [f"{name}, {short(value, 6)}" for value in x]
    return PointSeries(
        name=name,
        x=tuple(x),
        values=tuple(100 * share.mean for share in shares),
        lower=tuple(100 * share.lower for share in shares),
        upper=tuple(100 * share.upper for share in shares),
        texts=tuple(f"{text}: {_percent(share)}" for text, share in zip(told, shares, strict=True)),
        colour=colour,
        style=style,
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
    prepare=prepare,
    detail=detail,
)
