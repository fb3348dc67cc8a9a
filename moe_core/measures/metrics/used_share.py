"""How much of the traffic each expert serves: the share of the scope's tokens routed to it.

The quantity behind "activated experts" in https://arxiv.org/abs/2502.17187; a balanced router gives K / E everywhere.
"""

import numpy as np

from moe_core.measures.metric import Influence, Metric, MetricValues, SingleArray, ratio, single
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Share of tokens that chose the expert, [L, E] in 0..1; a layer sums to K. 0 = never used in this scope."""
    return MetricValues(ratio(sample.counts.tokens, float(sample.n_tokens)), sample.counts.questions)


def influence(sample: RoutingSample) -> Influence:
    """A question's tokens that chose the expert, less the share of its tokens, over the mean number of tokens."""
    share, n = ratio(sample.counts.tokens, float(sample.n_tokens)), len(sample.questions)
    n_tokens, scale = single(sample.routing.n_tokens[sample.questions]), single(np.array(n / max(sample.n_tokens, 1)))
    expected = single(share) * scale

    def of(rows: slice) -> SingleArray:
        found = sample.routing.token_count[sample.questions[rows]] * scale  # [b, L, E]
        found -= expected * n_tokens[rows, None, None]
        return found

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
    prepares=lambda sample: sample.counting.steps(),
)
