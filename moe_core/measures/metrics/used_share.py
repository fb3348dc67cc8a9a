"""How much of the traffic each expert serves: the share of the scope's tokens routed to it.

The quantity behind "activated experts" in https://arxiv.org/abs/2502.17187; a balanced router gives K / E everywhere.
"""

import numpy as np

from moe_core.measures.metric import FloatArray, Influence, Metric, MetricValues, ratio
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Share of tokens that chose the expert, [L, E] in 0..1; a layer sums to K. 0 = never used in this scope."""
    return MetricValues(ratio(sample.totals.tokens, float(sample.n_tokens)), sample.totals.questions)


def influence(sample: RoutingSample) -> Influence:
    """A question's tokens that chose the expert, less the share of its tokens, over the mean number of tokens."""
    share, n = ratio(sample.totals.tokens, float(sample.n_tokens)), len(sample.questions)
    n_tokens = sample.routing.n_tokens[sample.questions].astype(np.float64)  # [n]

    def of(rows: slice) -> FloatArray:
        counts = sample.routing.token_count[sample.questions[rows]]  # [b, L, E]
        return np.asarray((counts - share * n_tokens[rows, None, None]) * (n / sample.n_tokens))

    return Influence(of, np.full_like(share, float(n)))


USED_SHARE = Metric(
    name="used_share",
    title="Share of tokens routed to the expert",
    unit="",
    axes=("layer", "expert"),
    meaning="How many of the scope's tokens have this expert among their top-k; a balanced router gives k / E.",
    compute=compute,
    largest=lambda sample: 1.0,
    influence=influence,
)
