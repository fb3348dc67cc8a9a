"""A metric of another package, one that fails, and one whose name is taken."""

from dataclasses import replace

import numpy as np

from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Tokens of the scope that did not choose the expert, as a share of all, [L, E] in 0..1."""
    totals = sample.totals
    return MetricValues(1 - totals.tokens / sample.n_tokens, totals.questions)


def fail(sample: RoutingSample) -> MetricValues:
    """Never anything."""
    return MetricValues(np.zeros(3) / 0, np.array([int("no number")]))


RARE_USE = Metric(
    name="rare_use",
    title="Share of tokens routed elsewhere",
    unit="",
    axes=("layer", "expert"),
    meaning="Share of the tokens of the scope that did not choose this expert.",
    compute=compute,
)
BROKEN = replace(RARE_USE, name="broken", title="A metric that fails", compute=fail)
TAKEN = replace(RARE_USE, name="used_share")
