"""How many experts of a layer are chosen at least once: Table 1 of https://arxiv.org/abs/2502.17187.

It depends on how many tokens are read: one position per question leaves experts unused that the whole prompt uses.
"""

from moe_core.measures.metric import Metric, MetricValues, questions_per_layer
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Experts with at least one token of the scope, [L] in 0..E (whole numbers)."""
    return MetricValues((sample.counts.tokens > 0).sum(axis=1).astype(float), questions_per_layer(sample))


def never_used_share(sample: RoutingSample) -> float:
    """Share of all L * E experts that no token of the scope chose, 0..1; NaN for an empty sample."""
    return float((sample.counts.tokens == 0).mean()) if len(sample.questions) else float("nan")


EXPERTS_USED = Metric(
    name="experts_used",
    title="Experts used",
    unit="experts",
    axes=("layer",),
    meaning="Experts of the layer that at least one token of the scope chose.",
    compute=compute,
    largest=lambda sample: float(sample.n_experts),
)
