"""How undecided the router is among all experts: the entropy of the router probabilities before the top-k cut."""

from math import log

from moe_core.measures.metric import Metric, MetricValues, mean_over_tokens
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Mean and population std over the scope's tokens, [L], nats in 0..ln E."""
    sums = sample.routing.token_sums
    return mean_over_tokens(sample, sums.full_entropy, sums.full_entropy_square)


FULL_ENTROPY = Metric(
    name="full_entropy",
    title="Entropy of the router probabilities",
    unit="nats",
    axes=("layer",),
    meaning="How undecided the router is among all experts: 0 = certain, ln E = no preference.",
    compute=compute,
    largest=lambda sample: log(sample.n_experts),
)
