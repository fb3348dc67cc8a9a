"""Which experts right answers use more than wrong ones: the difference of their mean gate share."""

from moe_core.measures.metric import Metric, MetricValues, ratio
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Mean m of right minus mean m of wrong questions, [L, E] in -1..1; 0 = used alike, NaN unless both exist."""
    totals = sample.totals
    n_right = float(sample.is_correct.sum())
    n_wrong = float(sample.is_scored.sum()) - n_right
    wrong_share = totals.scored_share - totals.right_share
    return MetricValues(ratio(totals.right_share, n_right) - ratio(wrong_share, n_wrong), totals.scored_questions)


RIGHT_MINUS_WRONG = Metric(
    name="right_minus_wrong",
    title="Gate share, right minus wrong answers",
    unit="",
    axes=("layer", "expert"),
    meaning="The expert's mean gate share in questions answered right, minus that in questions answered wrong.",
    compute=compute,
    largest=lambda sample: 1.0,
    is_signed=True,
)
