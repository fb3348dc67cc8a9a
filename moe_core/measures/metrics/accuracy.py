"""Share of questions answered right, as counted by https://arxiv.org/abs/2009.03300: every question weighs the same."""

import numpy as np

from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.intervals import Proportion, proportion_95


def compute(sample: RoutingSample) -> MetricValues:
    """Accuracy in 0..1 (a scalar array) with its Wilson 95 % interval; NaN when the quiz has no gold answers."""
    accuracy = overall(sample)
    return MetricValues(
        np.array(accuracy.estimate),
        np.array(float(accuracy.n)),
        lower=np.array(accuracy.lower),
        upper=np.array(accuracy.upper),
    )


def overall(sample: RoutingSample) -> Proportion:
    """Right answers among the questions that have a gold one."""
    return proportion_95(int(sample.is_correct.sum()), int(sample.is_scored.sum()))


ACCURACY = Metric(
    name="accuracy",
    title="Accuracy",
    unit="",
    axes=(),
    meaning="Share of questions whose likeliest choice letter is the right one.",
    compute=compute,
    largest=lambda sample: 1.0,
)
