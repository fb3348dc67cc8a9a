"""Boosts the experts with the highest accuracy, as https://arxiv.org/abs/2502.17187 proposed and did not do.

The accuracy of an expert is an association, and the best of many is flattered by chance. So experts are chosen on one
half of the questions and measured on the other, and random experts of similar load are boosted as much beside them.
"""

from collections.abc import Sequence

import numpy as np

from moe_core.analyses.expert_contributions import default_min_questions
from moe_core.comparison.random_masks import expert_load, matched_masks
from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.result import ExperimentPoint, PointAxis
from moe_core.experiments.text import range_text
from moe_core.interventions.intervention import Expert, act_on
from moe_core.measures.expert_ranking import highest_supported
from moe_core.measures.metrics.expert_accuracy import EXPERT_ACCURACY
from moe_core.measures.question_halves import split_in_halves
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.numbers.difference_tests import holm
from moe_core.numbers.formatting import count, p_value, points_number, short
from moe_core.traces.reader import Trace

BEST, RANDOM = "highest accuracy", "random, similar load"


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """One point a factor for the best experts, and one for each random set beside it."""
    size, scope = size_of(trace), options.scope or Scope.ANSWER
    halves = split_in_halves(trace, rows, options.seed)
    least = default_min_questions(len(halves.chosen_on))
    found = EXPERT_ACCURACY.compute(sample(trace, scope, np.array(halves.chosen_on)))
    load = expert_load(trace, halves.chosen_on, scope)
    n_best = options.best or size.top_k
    best = highest_supported(found, load, least, n_best)
    experts = [(layer, expert) for layer, members in zip(size.layers, best, strict=True) for expert in members]
    if not experts:
        raise ExperimentError(f"No expert was chosen in {least} questions or more: there is no best one to boost.")
    controls = matched_masks(act_on(experts, "boost", factor=1.0), load, size.layers, options.repeats, options.seed)
    caveats = [f"Ranked are experts used by at least {count(least)} of the choosing questions"]
    if any(len(members) < n_best for members in best):
        caveats.append(f"Some layers have fewer than {n_best} such experts")
    if len(controls) < options.repeats:
        caveats.append(f"Only {len(controls)} other sets of this size exist among experts of similar load")
    factors = sorted(set(options.factors))
    points = [_point(BEST, experts, factor, 0) for factor in factors]
    for repeat, control in enumerate(controls, start=1):
        points += [_point(RANDOM, sorted(control.experts), factor, repeat) for factor in factors]
    return Design(size, scope, halves.measured_on, tuple(points), halves.description, tuple(caveats))


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """The change at the factor where it is clearest, corrected for there being several, beside the random sets."""
    best = [point for point in points if point.planned.series == BEST]
    corrected = holm([point.change.p for point in best]).tolist()
    at = min(range(len(best)), key=lambda place: (best[place].change.p, -abs(best[place].change.delta)))
    clearest = best[at]
    text = (
        f"Boosting the {count(clearest.n_experts)} experts with the highest accuracy by {short(clearest.planned.x, 6)} "
        f"changed accuracy on held-out questions by {clearest.change.delta_text} "
        f"({p_value(corrected[at])}{_correction(len(best))}, n = {count(clearest.change.n)})"
    )
    if len(best) > 1:
        deltas = [point.change.delta for point in best]
        spread = f"{points_number(min(deltas))} to {points_number(max(deltas))}"
        text += f", the clearest of {len(best)} factors that gave {spread}"
    beside = [p.change.delta for p in points if p.planned.series == RANDOM and p.planned.x == clearest.planned.x]
    return text + (f"; random experts of similar load: {range_text(beside)}." if beside else ".")


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """Every factor for the best experts and for each random set."""
    return len(set(options.factors)) * (1 + options.repeats)


def _correction(n: int) -> str:
    return f" corrected for {n} factors" if n > 1 else ""


def _point(series: str, experts: Sequence[Expert], factor: float, repeat: int) -> PlannedPoint:
    label = f"× {short(factor, 6)}"
    name = f"{series} {label}" + (f", draw {repeat}" if repeat else "")
    return PlannedPoint(series, label, factor, act_on(experts, "boost", factor=factor, name=name), repeat)


BOOST_BEST = Experiment(
    name="boost-best",
    title="Boost the most accurate experts",
    question="Does a larger gate weight for the experts with the highest accuracy give more right answers?",
    reads=("scope", "factors", "best", "repeats"),
    scope=Scope.ANSWER,
    quantity="delta",
    axis=PointAxis("factor on the gate weight"),
    halves=True,
    design=design,
    conclude=conclude,
    count_runs=count_runs,
)
