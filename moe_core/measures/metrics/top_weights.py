"""The weight of a token's first, second, .. expert: Table 3 of https://arxiv.org/abs/2502.17187, renormalised."""

import numpy as np

from moe_core.measures.cube import blocks
from moe_core.measures.metric import Metric, MetricValues, ratio
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Mean over tokens of q in descending order, [L, K] in 0..1; a layer sums to 1, equal gates give 1 / K."""
    shares, questions = sample.routing.token_sums.sorted_share, sample.questions
    sums = np.zeros(shares.shape[1:])  # [L, K]
    for rows in blocks(len(questions), sums.size):
        sums += shares[questions[rows]].sum(axis=0, dtype=np.float64)
    return MetricValues(ratio(sums, float(sample.n_tokens)), np.full(sums.shape, float(len(sample.questions))))


TOP_WEIGHTS = Metric(
    name="top_weights",
    title="Mean gate weights, largest first",
    unit="",
    axes=("layer", "rank"),
    meaning="The renormalised weight of a token's first, second, .. expert, averaged over the scope's tokens.",
    compute=compute,
    largest=lambda sample: 1.0,
)
