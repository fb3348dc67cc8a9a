"""Removes more and more experts of every layer, in several orders, and at random: how soon does accuracy fall?

Re-routing equals removing the experts from the checkpoint. Orders are made on one half of the questions and measured on
the other; no statistic of routing is known to say which experts matter (https://arxiv.org/abs/2606.10703), which is why
random removal stands beside them, and removal by predicted effect (docs/effect-map.md), whose map is made first where
there is none.
"""

from collections.abc import Generator, Sequence

import numpy as np

from moe_core.analyses.expert_contributions import default_min_questions
from moe_core.comparison.random_masks import expert_load
from moe_core.errors import EffectError, ExperimentError, TraceError
from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, size_of
from moe_core.experiments.effect_order import cells_on, influence, predict_on
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, PointAxis, clear_losses
from moe_core.experiments.text import range_text
from moe_core.interventions.intervention import act_on
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.engine import Engine
from moe_core.measures.expert_ranking import Order, lowest_first
from moe_core.measures.metrics.expert_accuracy import EXPERT_ACCURACY
from moe_core.measures.metrics.gate_weight import GATE_WEIGHT
from moe_core.measures.metrics.used_share import USED_SHARE
from moe_core.measures.question_halves import Halves, split_in_halves
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, percent
from moe_core.numbers.formatting import points as points_text
from moe_core.traces.reader import Trace

EFFECT, USAGE, GATE, ACCURACY = "by effect", "by usage", "by gate weight", "by accuracy"
RANDOM = "at random"


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """For every order and random draw one point a share, the lowest experts removed first."""
    size, scope = size_of(trace), options.scope or Scope.PROMPT
    halves = split_in_halves(trace, rows, options.seed)
    counts, beyond = removed_counts(size, options.shares)
    least = default_min_questions(len(halves.chosen_on))
    points: list[PlannedPoint] = []
    for series, order in _orders(trace, halves, scope, least).items():
        is_first = not points  # how large and fast a smaller model is does not hang on which experts are gone
        points += [_point(series, order, n, size, 0, is_sized=is_first) for n in counts]
    for repeat in range(1, options.repeats + 1):
        order = random_order(size, options.seed, repeat)
        # Nothing removed is the same in every draw.
        points += [_point(RANDOM, order, n, size, repeat) for n in counts if n or repeat == 1]
    caveats = [
        f"By accuracy: experts that {_too_few(least)} of the choosing half used are removed first, the least used "
        "before others",
        "A larger share removes the same experts and more, in every order and draw; clearly means p < 0.05 after "
        "Holm's correction over a curve, there and at all larger shares, and at random in most draws",
    ]
    if beyond:
        most = (size.n_experts - size.top_k) / size.n_experts
        caveats.append(
            f"The curve stops at {percent(most)}: a token chooses {size.top_k} of the {size.n_experts} experts of a "
            f"layer, so at least {size.top_k} stay; left out: {', '.join(percent(share) for share in beyond)}"
        )
    return Design(size, scope, halves.measured_on, tuple(points), halves.description, tuple(caveats))


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """From which share on accuracy is clearly lower, for every order."""
    parts = []
    for series in dict.fromkeys(point.planned.series for point in points):
        of_series = [point for point in points if point.planned.series == series]
        draws = sorted({point.planned.repeat for point in of_series})
        curves = [sorted(_of_draw(of_series, draw), key=lambda point: point.planned.x) for draw in draws]
        parts.append(f"{series} {_first_clear_loss(curves)}")
    clear = f"Where accuracy fell clearly on held-out questions (n = {_n(points)}): experts removed {'; '.join(parts)}."
    return " ".join(filter(None, (clear, _effect_against_others(points))))


def removed_counts(size: ModelSize, shares: Sequence[float]) -> tuple[list[int], list[float]]:
    """How many experts of each layer the shares remove, ascending, and the shares that would leave fewer than top-k.

    Raises ExperimentError where no share is left, or none removes an expert.
    """
    rounded = {share: round(share * size.n_experts) for share in sorted(set(shares))}
    most = size.n_experts - size.top_k
    kept = sorted({n for n in rounded.values() if n <= most})
    if not kept:
        raise ExperimentError(
            f"Every share would leave fewer than {size.top_k} of {size.n_experts} experts in a layer, which each "
            f"token chooses: give one of at most {percent(most / size.n_experts)}."
        )
    if not any(kept):
        raise ExperimentError(
            f"{percent(max(rounded))} of the {size.n_experts} experts of a layer is less than half an expert, and "
            f"nothing would be removed: give a share of at least {percent(1 / size.n_experts)}."
        )
    return kept, [share for share, n in rounded.items() if n > most]


def random_order(size: ModelSize, seed: int, repeat: int) -> Order:
    """Experts of each layer [L, E] in a random order; the same seed and repeat give the same one."""
    generator = np.random.default_rng([seed, repeat])
    return np.stack([generator.permutation(size.n_experts) for _ in size.layers])


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """Every share that removes an expert and leaves enough, in four orders and for each random draw."""
    counts, _ = removed_counts(size, options.shares)
    return sum(n > 0 for n in counts) * (4 + options.repeats)


def _orders(trace: Trace, halves: Halves, scope: Scope, least: int) -> dict[str, Order]:
    drawn = sample(trace, scope, np.array(halves.chosen_on))
    load = expert_load(trace, halves.chosen_on, Scope.PROMPT)
    cells = cells_on(trace, halves.chosen_on)
    by_effect = {} if cells is None else {EFFECT: lowest_first(influence(cells), load)}
    return by_effect | {
        USAGE: lowest_first(USED_SHARE.compute(drawn), load),
        GATE: lowest_first(GATE_WEIGHT.compute(drawn), load),
        ACCURACY: lowest_first(EXPERT_ACCURACY.compute(drawn), load, least),
    }


def prepare(
    request: ExperimentRequest, trace: Trace, rows: tuple[int, ...], engine: Engine
) -> Generator[Event, None, None]:
    """The effect map of the choosing half; a notice where none can be made."""
    chosen_on = split_in_halves(trace, rows, request.options.seed).chosen_on
    try:
        yield from predict_on(request, trace, chosen_on, engine)
    except (EffectError, TraceError) as error:
        yield Notice(f"There is no line by predicted effect: {error}")


def _point(series: str, order: Order, n: int, size: ModelSize, repeat: int, *, is_sized: bool = False) -> PlannedPoint:
    share = n / size.n_experts
    name = f"{percent(share)} removed {series}" + (f", draw {repeat}" if repeat else "")
    experts = [(layer, expert) for layer, row in zip(size.layers, order, strict=True) for expert in row[:n].tolist()]
    label = f"{percent(share)} ({n} of {size.n_experts})"
    mask = act_on(experts, "reroute", name=name if experts else "")
    return PlannedPoint(series, label, share, mask, repeat, is_sized=is_sized and bool(experts))


def _of_draw(points: Sequence[ExperimentPoint], draw: int) -> list[ExperimentPoint]:
    return [point for point in points if point.planned.repeat == draw]


def _first_clear_loss(curves: Sequence[Sequence[ExperimentPoint]]) -> str:
    """The smallest share from which on most of the curves lost clearly, with what they lost there; curves are draws."""
    acting = [[point for point in curve if not point.intervention.is_empty()] for curve in curves]
    if not acting[0]:
        return "not at all: nothing was removed"
    lost = np.array([clear_losses(curve) for curve in acting]).mean(axis=0) > 0.5  # [shares]
    still = np.flatnonzero(~lost)
    first = int(still[-1]) + 1 if len(still) else 0
    there = [curve[min(first, len(lost) - 1)] for curve in acting]
    share = percent(there[0].planned.x)
    what = there[0].change.delta_text if len(there) == 1 else range_text([point.change.delta for point in there])
    return f"from {share} of a layer on ({what})" if lost[-1] else f"nowhere up to {share} of a layer ({what})"


def _effect_against_others(points: Sequence[ExperimentPoint]) -> str:
    """How much accuracy removal by predicted effect keeps at equal size, against the best of the other orders."""
    acting = [point for point in points if not point.intervention.is_empty() and point.planned.series != RANDOM]
    by_effect = {point.planned.x: point for point in acting if point.planned.series == EFFECT}
    told = []
    for x, ours in sorted(by_effect.items()):
        others = [point for point in acting if point.planned.x == x and point.planned.series != EFFECT]
        if best := max(others, key=lambda point: point.change.delta, default=None):
            lost = f"{points_text(ours.change.delta)} against {points_text(best.change.delta)} {best.planned.series}"
            told.append((ours.change.delta >= best.change.delta, f"{percent(x)}: {lost}"))
    if not told:
        return ""
    n_best = sum(is_best for is_best, _ in told)
    return (
        f"At {n_best} of {len(told)} sizes removal by effect keeps at least as much accuracy as the best of the other "
        f"orders ({'; '.join(text for _, text in told)})."
    )


def _too_few(least: int) -> str:
    return "no question" if least == 1 else f"fewer than {count(least)} questions"


def _n(points: Sequence[ExperimentPoint]) -> str:
    return count(max(point.change.n for point in points))


PRUNING_CURVE = Experiment(
    name="pruning-curve",
    title="Pruning curve",
    question="How many experts of every layer can be removed, and in which order, before accuracy falls?",
    reads=("scope", "shares", "repeats"),
    scope=Scope.PROMPT,
    quantity="accuracy",
    axis=PointAxis("share of experts removed per layer", is_share=True),
    halves=True,
    design=design,
    conclude=conclude,
    count_runs=count_runs,
    prepare=prepare,
)
