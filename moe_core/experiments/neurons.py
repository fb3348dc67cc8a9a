"""Are neurons experts of their own? Switches off those of an expert that fire most, as many at random, and the least.

https://arxiv.org/abs/2406.18219 found that the neurons of an expert behave like fine-grained experts, and left the test
by ablation open. Neurons are ranked by their mean absolute activation on one half of the questions, and switched off on
the other. What is done to the experts' routing is nothing: they are chosen and weighed as ever.

Axes: I neurons of an expert, n questions measured.
"""

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from moe_core.comparison.random_masks import Load, expert_load
from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.kept.neuron_firing import MeanFiring, known_firing, measure_firing
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, PointAxis
from moe_core.interventions.intervention import Expert, Intervention, parse_experts
from moe_core.jobs.events import Event
from moe_core.jobs.models.engine import Engine
from moe_core.measures.question_halves import split_in_halves
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted, percent
from moe_core.numbers.paired_statistics import mean_change
from moe_core.traces.reader import Trace

MOST, LEAST, RANDOM = "fire most", "fire least", "at random"

Order = NDArray[np.intp]


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """One point a share for the neurons that fire most, those that fire least, and each random draw.

    Without points while it is not known how they fire.
    """
    size, scope = size_of(trace), options.scope or Scope.PROMPT
    halves = split_in_halves(trace, rows, options.seed)
    experts = chosen_experts(options.experts, size, expert_load(trace, halves.chosen_on, scope))
    firing = known_firing(trace, halves.chosen_on, experts, scope)
    points = [] if firing is None else _points(firing, options)
    named = ", ".join(f"{layer}:{expert}" for layer, expert in experts[:_NAMED])
    more = f" and {count(len(experts) - _NAMED)} more" if len(experts) > _NAMED else ""
    caveats = (
        "Firing is the mean size of what goes into the down projection over the tokens that the expert serves; how far "
        "a neuron's output reaches is not weighed",
        "A share is of each of these experts, and a larger one switches off the same neurons and more",
    )
    which = "" if options.experts else ", the most used one of each layer"
    split = halves.description.replace("Experts chosen", "ranked")
    setting = f"Neurons of {counted(len(experts), 'expert')} ({named}{more}{which}); {split}"
    return Design(size, scope, halves.measured_on, tuple(points), setting, caveats)


_NAMED = 6


def chosen_experts(text: str, size: ModelSize, load: Load) -> tuple[Expert, ...]:
    """The experts that are named, in order, or the most used one of each layer; `load` [L, E] counts their tokens.

    Raises ExperimentError for one that does not exist or serves no token, InterventionError for what is no expert.
    """
    experts = sorted(parse_experts(text)) or list(zip(size.layers, load.argmax(axis=1).tolist(), strict=True))
    Intervention(drop=frozenset(experts)).check(size.layers, size.n_experts, 0)
    silent = [expert for expert in experts if not load[size.layers.index(expert[0]), expert[1]]]
    if silent:
        layer, expert = silent[0]
        raise ExperimentError(f"Expert {layer}:{expert} serves no token of the choosing questions: no neuron fires.")
    return tuple(experts)


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """What the largest share did, and how much worse it is without the neurons that fire most than without others."""
    acting = [point for point in points if not point.intervention.is_empty()]
    if not acting:
        raise ExperimentError("It is not known any more which neurons fire most: run the experiment again.")
    x = max(point.planned.x for point in acting)
    most, least = (_at(acting, series, x)[0] for series in (MOST, LEAST))
    drawn = _at(acting, RANDOM, x)
    text = (
        f"Without the {most.planned.label} neurons of each expert that fire most, the right answer's log-probability "
        f"changed by {most.gold_logprob.nats_text} and accuracy by {most.change.delta_text}; without as many that "
        f"fire least by {least.gold_logprob.nats_text} (n = {count(most.gold_logprob.n)})"
    )
    if not drawn:
        return f"{text}."
    differences = _gold(most) - np.mean([_gold(point) for point in drawn], axis=0)
    beside = mean_change(differences[np.isfinite(differences)])
    verdict = "cannot be told from"
    if beside.upper < 0:
        verdict = "matter more than"
    elif beside.lower > 0:
        verdict = "matter less than"
    return (
        f"{text}. Neurons that fire most {verdict} as many at random: {beside.nats_text} against the mean of "
        f"{counted(len(drawn), 'draw')}, paired."
    )


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """Every share for both ends and for each random draw."""
    return sum(share > 0 for share in set(options.shares)) * (2 + options.repeats)


def prepare(
    request: ExperimentRequest, trace: Trace, rows: tuple[int, ...], engine: Engine
) -> Generator[Event, None, None]:
    """How the neurons fire on the choosing half."""
    chosen_on = split_in_halves(trace, rows, request.options.seed).chosen_on
    scope = request.options.scope or Scope.PROMPT
    load = expert_load(trace, chosen_on, scope)
    experts = chosen_experts(request.options.experts, size_of(trace), load)
    yield from measure_firing(request, trace, chosen_on, experts, scope, engine)


def _points(firing: MeanFiring, options: ExperimentOptions) -> list[PlannedPoint]:
    size = len(next(iter(firing.values())))
    counts = sorted({round(share * size) for share in options.shares})
    if not any(counts):
        raise ExperimentError(
            f"{percent(max(options.shares))} of the {count(size)} neurons of an expert is less than half a neuron, and "
            f"none would be switched off: give a share of at least {percent(1 / size)}."
        )
    most = {expert: np.argsort(-values, kind="stable") for expert, values in firing.items()}
    least = {expert: order[::-1] for expert, order in most.items()}
    points = []
    for series, order in ((MOST, most), (LEAST, least)):
        points += [_point(series, order, n, size, 0) for n in counts]
    for repeat in range(1, options.repeats + 1):
        order = _random_order(firing, size, options.seed, repeat)
        points += [_point(RANDOM, order, n, size, repeat) for n in counts if n or repeat == 1]
    return points


def _random_order(firing: MeanFiring, size: int, seed: int, repeat: int) -> dict[Expert, Order]:
    generator = np.random.default_rng([seed, repeat])
    return {expert: generator.permutation(size) for expert in firing}


def _point(series: str, order: dict[Expert, Order], n: int, size: int, repeat: int) -> PlannedPoint:
    share = n / size
    neurons = frozenset((*expert, int(neuron)) for expert, members in order.items() for neuron in members[:n])
    name = f"{n} neurons that {series}" if series != RANDOM else f"{n} neurons at random, draw {repeat}"
    label = f"{percent(share)} ({n} of {size})"
    return PlannedPoint(series, label, share, Intervention(name if n else "", neurons=neurons), repeat)


def _at(points: Sequence[ExperimentPoint], series: str, x: float) -> list[ExperimentPoint]:
    return [point for point in points if point.planned.series == series and point.planned.x == x]


def _gold(point: ExperimentPoint) -> NDArray[np.float64]:
    """Log-probabilities of the right answers [n]; NaN where a question failed."""
    assert point.answered is not None
    return point.answered.gold_logprobs


NEURONS = Experiment(
    name="neurons",
    title="Neurons as experts",
    question="Do the neurons of an expert that fire most matter more than as many others of it?",
    reads=("scope", "experts", "shares", "repeats"),
    scope=Scope.PROMPT,
    quantity="gold",
    axis=PointAxis("share of each expert's neurons switched off", is_share=True),
    halves=True,
    design=design,
    conclude=conclude,
    count_runs=count_runs,
    prepare=prepare,
)
