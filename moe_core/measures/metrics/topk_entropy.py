"""How evenly a token's weight is spread over its chosen experts: Table 2 of https://arxiv.org/abs/2502.17187.

q = w / sum(w) over the top-k, H = -sum(q ln q): 0 when one expert takes all, ln K when all K weigh the same.
"""

from math import log

from moe_core.measures.metric import Metric, MetricValues, mean_over_tokens
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Mean and population std over the scope's tokens, [L], nats in 0..ln K."""
    sums = sample.routing.token_sums
    return mean_over_tokens(sample, sums.topk_entropy, sums.topk_entropy_square)


TOPK_ENTROPY = Metric(
    name="topk_entropy",
    title="Entropy of the top-k gate weights",
    unit="nats",
    axes=("layer",),
    meaning="How evenly tokens spread their weight over the chosen experts: 0 = one takes all, ln k = all equal.",
    compute=compute,
    largest=lambda sample: log(sample.top_k),
)
