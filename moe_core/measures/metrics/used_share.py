"""How much of the traffic each expert serves: the share of the scope's tokens routed to it.

The quantity behind "activated experts" in https://arxiv.org/abs/2502.17187; a balanced router gives K / E everywhere.
"""

from moe_core.measures.metric import Metric, MetricValues, ratio
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Share of tokens that chose the expert, [L, E] in 0..1; a layer sums to K. 0 = never used in this scope."""
    return MetricValues(ratio(sample.totals.tokens, float(sample.n_tokens)), sample.totals.questions)


USED_SHARE = Metric(
    name="used_share",
    title="Share of tokens routed to the expert",
    unit="",
    axes=("layer", "expert"),
    meaning="How many of the scope's tokens have this expert among their top-k; a balanced router gives k / E.",
    compute=compute,
    largest=lambda sample: 1.0,
)
