"""How much the router leans to an expert at the answer position, chosen or not: its mean router probability.

It also ranks the experts that are never chosen. Traces keep it for the answer position only, so it is the same in
every scope.
"""

import numpy as np

from moe_core.measures.metric import Influence, Metric, MetricValues, SingleArray, ratio, single
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.half_precision import widened


def compute(sample: RoutingSample) -> MetricValues:
    """Mean p at the answer position, [L, E] in 0..1; 1 / E for a router without preference."""
    total = sample.probability_sums.value
    n = float(len(sample.questions))
    return MetricValues(ratio(total, n), np.full(total.shape, n))


def influence(sample: RoutingSample) -> Influence:
    """A question's probability, less the mean."""
    mean = compute(sample).values

    usual = single(mean)

    def of(rows: slice) -> SingleArray:
        found = widened(sample.routing.router_probs[sample.questions[rows]])  # [b, L, E]
        found -= usual
        return found

    return Influence(of, np.full_like(mean, float(len(sample.questions))))


ANSWER_PROBABILITY = Metric(
    name="answer_probability",
    title="Router probability at the answer position",
    unit="",
    axes=("layer", "expert"),
    meaning="Mean router probability of this expert at the answer position, whether it was chosen or not.",
    compute=compute,
    largest=lambda sample: 1.0,
    prepares=lambda sample: sample.probability_sums.steps(),
    influence=influence,
)
