"""Whether answers are better or worse than usual when an expert speaks: its accuracy less the sample's.

The expert's questions are among all of them: the interval knows how many they share. For given gate weights the lift is
larger exactly where right answers use the expert more than wrong ones, so both have the same test.
"""

import numpy as np

from moe_core.measures.metric import Influence, Metric, MetricValues, SingleArray, single
from moe_core.measures.metrics import expert_accuracy
from moe_core.measures.metrics.accuracy import overall
from moe_core.measures.metrics.right_minus_wrong import right_and_wrong
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.difference_tests import excess_interval, group_difference_p
from moe_core.numbers.intervals import Interval, effective_sample_size


def compute(sample: RoutingSample) -> MetricValues:
    """Expert accuracy minus accuracy [L, E] in -1..1, 0 = as usual."""
    expert, usual, totals = expert_accuracy.compute(sample), overall(sample), sample.totals
    assert expert.lower is not None
    assert expert.upper is not None
    carrying = effective_sample_size(totals.scored_share, totals.scored_share_square)
    interval = excess_interval(
        Interval(expert.lower, expert.upper),
        Interval(np.array(usual.lower), np.array(usual.upper)),
        expert.values,
        usual.estimate,
        carrying / max(usual.n, 1),
    )
    return MetricValues(
        expert.values - usual.estimate,
        expert.support,
        lower=interval.lower,
        upper=interval.upper,
        sides=(expert.values, np.full_like(expert.values, usual.estimate)),
        p=np.where(np.isnan(expert.values), np.nan, group_difference_p(right_and_wrong(sample))),
    )


def influence(sample: RoutingSample) -> Influence:
    """That of the expert's accuracy, less that of the accuracy."""
    of_expert, usual, n = expert_accuracy.influence(sample), overall(sample), len(sample.questions)
    rest = single(np.where(sample.is_scored, sample.is_correct - usual.estimate, 0.0) * n / max(usual.n, 1))  # [n]

    def of(rows: slice) -> SingleArray:
        found = of_expert.of(rows)
        found -= rest[rows, None, None]
        return found

    return Influence(of, of_expert.n_effective)


ACCURACY_LIFT = Metric(
    name="accuracy_lift",
    title="Accuracy of the expert, against all questions",
    unit="",
    axes=("layer", "expert"),
    meaning="The expert's accuracy minus that of the whole selection: above 0, answers are better where it speaks.",
    compute=compute,
    is_signed=True,
    is_percent=True,
    side_names=("with this expert", "all questions"),
    influence=influence,
)
