"""One expert in a selection of questions: how much it is used, where, how well, and by which questions most.

Axes: n questions of the selection, S subjects.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.clustered import clustered_share
from moe_core.measures.metrics.expert_accuracy import EXPERT_ACCURACY
from moe_core.measures.metrics.gate_weight import GATE_WEIGHT
from moe_core.measures.metrics.used_share import USED_SHARE
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.intervals import Proportion, proportion_95

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ExpertProfile:
    """The numbers of one expert, as the metrics define them.

    `used_share`: share of the scope's tokens that chose it, 0..1. `rank`: its place by that in its layer, from 1;
    equals share the best place. `gate_weight`: mean q when chosen, NaN where never. `questions`: how many have a
    token that chose it. `accuracy` with its 95 % interval is NaN where none of them has a gold answer;
    `scored_questions` and `scored_weight`, the sum of m, are its support. `overall`: the selection's accuracy.
    """

    used_share: float
    rank: int
    gate_weight: float
    questions: int
    accuracy: float
    accuracy_lower: float
    accuracy_upper: float
    scored_questions: int
    scored_weight: float
    overall: Proportion


@dataclass(frozen=True)
class SubjectUsage:
    """Usage by subject, the highest first: share of the subject's tokens that chose the expert, 0..1.

    The same as the share of its routed slots that went to the expert, times K; k / E if the router were uniform.
    `lower` and `upper` bound the share at 95 %, over questions (clustered.py).
    """

    subjects: tuple[str, ...]
    share: FloatArray
    lower: FloatArray
    upper: FloatArray
    questions: NDArray[np.int64]


@dataclass(frozen=True)
class HeaviestQuestions:
    """Rows of the trace, and m_n of the expert for each: its mean renormalised gate weight over the scope's tokens."""

    rows: NDArray[np.intp]
    weights: FloatArray


def expert_profile(sample: RoutingSample, layer: int, expert: int) -> ExpertProfile:
    """The profile of the expert (layer, expert)."""
    cell = (layer, expert)
    used_share, accuracy = USED_SHARE.compute(sample).values, EXPERT_ACCURACY.compute(sample)
    assert accuracy.lower is not None
    assert accuracy.upper is not None
    return ExpertProfile(
        used_share=float(used_share[cell]),
        rank=1 + int((used_share[layer] > used_share[cell]).sum()),
        gate_weight=float(GATE_WEIGHT.compute(sample).values[cell]),
        questions=int(sample.totals.questions[cell]),
        accuracy=float(accuracy.values[cell]),
        accuracy_lower=float(accuracy.lower[cell]),
        accuracy_upper=float(accuracy.upper[cell]),
        scored_questions=int(accuracy.support[cell]),
        scored_weight=float(sample.totals.scored_share[cell]),
        overall=proportion_95(int(sample.is_correct.sum()), int(sample.is_scored.sum())),
    )


def usage_by_subject(sample: RoutingSample, layer: int, expert: int) -> SubjectUsage:
    """How much each subject of the selection uses the expert (layer, expert)."""
    names = sample.subject_names
    places = {name: place for place, name in enumerate(names)}
    of = np.fromiter((places[name] for name in sample.subjects), np.intp, len(sample.subjects))  # [n]
    n, by_subject = np.bincount(of, minlength=len(names)), np.argsort(of, kind="stable")
    served = sample.routing.token_count[sample.questions, layer, expert].astype(np.float64)[by_subject]
    tokens = sample.routing.n_tokens[sample.questions].astype(np.float64)[by_subject]
    ends = np.cumsum(n)[:-1]
    found = [clustered_share(*parts) for parts in zip(np.split(served, ends), np.split(tokens, ends), strict=True)]
    share, lower, upper = (np.array([getattr(each, key) for each in found]) for key in ("share", "lower", "upper"))
    order = np.argsort(-share, kind="stable")
    return SubjectUsage(tuple(names[place] for place in order), share[order], lower[order], upper[order], n[order])


def heaviest_questions(sample: RoutingSample, layer: int, expert: int, most: int = 20) -> HeaviestQuestions:
    """The questions of the selection in which the expert weighs most, heaviest first; only those that use it."""
    weights = sample.routing.gate_share[sample.questions, layer, expert].astype(np.float64)
    order = np.argsort(-weights, kind="stable")[:most]
    order = order[weights[order] > 0]
    return HeaviestQuestions(sample.questions[order], weights[order])
