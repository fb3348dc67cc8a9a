"""Accuracy by subject, with intervals: a subject of 100 questions is known to about ten points only."""

import numpy as np

from moe_core.measures.metric import Metric, MetricValues, ratio
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.intervals import wilson_95


def compute(sample: RoutingSample) -> MetricValues:
    """Accuracy per subject of `sample.subject_names`, in 0..1, with Wilson 95 % intervals; NaN without gold answers."""
    number = {name: index for index, name in enumerate(sample.subject_names)}
    subject = np.array([number[name] for name in sample.subjects], dtype=np.intp)  # [n]
    n = np.bincount(subject, weights=sample.is_scored, minlength=len(number)).astype(float)
    right = np.bincount(subject, weights=sample.is_correct, minlength=len(number)).astype(float)
    accuracy = ratio(right, n)
    interval = wilson_95(accuracy, n)
    return MetricValues(accuracy, n, lower=interval.lower, upper=interval.upper)


SUBJECT_ACCURACY = Metric(
    name="subject_accuracy",
    title="Accuracy by subject",
    unit="",
    axes=("subject",),
    meaning="Share of the subject's questions whose likeliest choice letter is the right one.",
    compute=compute,
    largest=lambda sample: 1.0,
)
