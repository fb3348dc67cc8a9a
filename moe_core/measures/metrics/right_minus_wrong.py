"""Which experts right answers use more than wrong ones: the difference of their mean gate share.

Both are means over questions, and which questions were answered right is what is random: its interval is Agresti and
Caffo's, its test bounds that of permuting right and wrong among the questions.
"""

import numpy as np

from moe_core.measures.metric import Influence, Metric, MetricValues, SingleArray, ratio, single
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.difference_tests import GroupSums, group_difference_interval, group_difference_p
from moe_core.numbers.intervals import effective_sample_size


def compute(sample: RoutingSample) -> MetricValues:
    """Mean m of right minus mean m of wrong questions, [L, E] in -1..1; 0 = used alike, NaN unless both exist."""
    sums = right_and_wrong(sample)
    right, wrong = ratio(sums.first, float(sums.n_first)), ratio(sums.second, float(sums.n_second))
    interval = group_difference_interval(sums)
    return MetricValues(
        right - wrong,
        sample.totals.scored_questions,
        lower=interval.lower,
        upper=interval.upper,
        sides=(right, wrong),
        p=group_difference_p(sums),
    )


def right_and_wrong(sample: RoutingSample) -> GroupSums:
    """The gate shares of questions answered right, and of those answered wrong."""
    totals, n_right = sample.totals, int(sample.is_correct.sum())
    return GroupSums(
        n_first=n_right,
        n_second=int(sample.is_scored.sum()) - n_right,
        first=totals.right_share,
        second=totals.scored_share - totals.right_share,
        first_squares=totals.right_share_square,
        second_squares=totals.scored_share_square - totals.right_share_square,
        largest=totals.largest_share,
    )


def influence(sample: RoutingSample) -> Influence:
    """m less its group's mean, times n over the group's size; against it for the wrong ones."""
    sums, n = right_and_wrong(sample), len(sample.questions)
    right, wrong = ratio(sums.first, float(sums.n_first)), ratio(sums.second, float(sums.n_second))
    is_right = sample.is_correct
    weights = np.where(is_right, n / max(sums.n_first, 1), -n / max(sums.n_second, 1)) * sample.is_scored  # [n]
    in_right, in_wrong, weights = single(right), single(wrong), single(weights)

    def of(rows: slice) -> SingleArray:
        found = sample.routing.gate_share[sample.questions[rows]]  # [b, L, E]
        found -= np.where(is_right[rows, None, None], in_right, in_wrong)
        found *= weights[rows, None, None]
        return found

    carrying = effective_sample_size(sample.totals.scored_share, sample.totals.scored_share_square)
    return Influence(of, np.minimum(carrying, min(sums.n_first, sums.n_second)))


RIGHT_MINUS_WRONG = Metric(
    name="right_minus_wrong",
    title="Gate share, right minus wrong answers",
    unit="",
    axes=("layer", "expert"),
    meaning="The expert's mean gate share in questions answered right, minus that in questions answered wrong.",
    compute=compute,
    largest=lambda sample: 1.0,
    is_signed=True,
    side_names=("right answers", "wrong answers"),
    influence=influence,
)
