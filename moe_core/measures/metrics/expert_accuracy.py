"""How often answers are right when an expert speaks, weighted by how much it says (https://arxiv.org/abs/2502.17187).

accuracy(l, e) = sum_n m_n c_n / sum_n m_n, m_n the question's mean renormalised gate weight for the expert, c_n its
correctness. It is an association, not an effect: an expert that serves easy questions scores high. Mask it to know.

The interval is Wilson's at Kish's effective sample size (sum m)^2 / sum m^2, not at the number of questions: a few
questions with large weights carry the mean, and counting the light ones as full observations would make the interval
too narrow. With equal weights the two agree. Each interval stands alone: best and worst of E experts are extremes.
"""

import numpy as np

from moe_core.measures.metric import Influence, Metric, MetricValues, SingleArray, ratio, single
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.intervals import Z_95, effective_sample_size, wilson_95


def compute(sample: RoutingSample) -> MetricValues:
    """Weighted accuracy [L, E] in 0..1 with its 95 % interval; NaN where no question with a gold answer chose it."""
    totals = sample.totals
    accuracy = ratio(totals.right_share, totals.scored_share)
    interval = wilson_95(accuracy, effective_sample_size(totals.scored_share, totals.scored_share_square))
    return MetricValues(accuracy, totals.scored_questions, lower=interval.lower, upper=interval.upper)


def influence(sample: RoutingSample) -> Influence:
    """m (c - a) over the mean m, a being the middle of Wilson's interval: an expert that was always right is not known
    to be so for certain.
    """
    totals, n = sample.totals, len(sample.questions)
    carrying = effective_sample_size(totals.scored_share, totals.scored_share_square)
    accuracy, shrink = ratio(totals.right_share, totals.scored_share), ratio(np.full_like(carrying, Z_95**2), carrying)
    middle = (accuracy + shrink / 2) / (1 + shrink)
    scale = ratio(np.full_like(carrying, float(n)), totals.scored_share)
    if_right, if_wrong = single((1 - middle) * scale), single(-middle * scale)

    def of(rows: slice) -> SingleArray:
        found = sample.routing.gate_share[sample.questions[rows]]  # [b, L, E]
        found *= np.where(sample.is_correct[rows, None, None], if_right, if_wrong)
        found *= sample.is_scored[rows, None, None]
        return found

    return Influence(of, carrying)


EXPERT_ACCURACY = Metric(
    name="expert_accuracy",
    title="Accuracy of the expert",
    unit="",
    axes=("layer", "expert"),
    meaning="Accuracy of the questions that use this expert, each weighted by the expert's gate weight.",
    compute=compute,
    largest=lambda sample: 1.0,
    is_percent=True,
    influence=influence,
)
