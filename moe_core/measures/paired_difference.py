"""What changed in a metric of experts between two runs of the same questions, with its interval and its test.

Axes: n questions, L MoE layers, E experts.
"""

import numpy as np

from moe_core.measures.cube import blocks
from moe_core.measures.metric import FloatArray, Metric, MetricValues
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.difference_tests import paired_p, paired_z
from moe_core.numbers.intervals import Z_95
from moe_core.numbers.stepwise import Steps

_ROUNDING = 1e-7
"""Changes of values in 0..1 below this are rounding: sums of a trace are in single precision."""


def paired_difference(
    metric: Metric, before: RoutingSample, after: RoutingSample, values: tuple[MetricValues, MetricValues]
) -> Steps[MetricValues]:
    """After less before, `values` being those of the two samples, whose questions are the same in the same order.

    NaN where either is undefined; the support is that of the side with fewer questions. A metric of experts has an
    interval and a test: of the mean of the paired differences of what each question adds to either side, by
    linearisation (Deville 1999, Survey Methodology 25, 193), which for a plain mean is Student's. Where few questions
    carry a value, they are the sample, however many were asked. What no question changed is not tested.
    """
    first, second = values
    difference, support = second.values - first.values, np.minimum(first.support, second.support)
    sides = (second.values, first.values)
    if metric.influence is None or not len(before.questions):
        return MetricValues(difference, support, sides=sides)
    from scipy.special import stdtrit  # slow to import, and most sessions compare nothing

    squares, carrying = yield from _squares(metric, before, after)
    known = np.isfinite(difference) & (carrying > 1)
    spare = np.where(known, np.maximum(carrying - 1, 1e-9), 1.0)
    error = np.where(known, np.sqrt(squares * (spare + 1) / spare) / len(before.questions), np.nan)
    half_width = np.maximum(stdtrit(spare, 0.975), Z_95) * error
    z = np.where(known & (np.abs(difference) > _ROUNDING), paired_z(difference, error, carrying), 0.0)
    is_tested = np.isfinite(difference) & ((squares > 0) | (difference != 0))  # else no question changed anything
    p = np.where(is_tested, paired_p(z), np.nan)
    return MetricValues(difference, support, None, difference - half_width, difference + half_width, sides, p)


def _squares(metric: Metric, before: RoutingSample, after: RoutingSample) -> Steps[tuple[FloatArray, FloatArray]]:
    """Sum of squares of the paired influences [L, E], and how many questions carry the value of the weaker side."""
    assert metric.influence is not None
    first, second = metric.influence(before), metric.influence(after)
    squares = np.zeros((before.n_layers, before.n_experts))
    for rows in blocks(len(before.questions), squares.size):
        change = second.of(rows)  # [b, L, E]
        change -= first.of(rows)
        squares += np.square(change, out=change).sum(axis=0)
        yield rows.stop / len(before.questions)
    return squares, np.minimum(first.n_effective, second.n_effective)
