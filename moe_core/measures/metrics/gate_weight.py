"""How strongly an expert speaks when it is chosen, however rarely that is: its mean renormalised gate weight.

Renormalised (q = w / sum w), so that families that renormalise and those that do not can be compared.
"""

from moe_core.measures.metric import Metric, MetricValues, ratio
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Mean q over the tokens that chose the expert, [L, E] in 0..1; 1 / K for equal gates, NaN where never chosen."""
    totals = sample.totals
    return MetricValues(ratio(totals.gate_sum, totals.tokens), totals.questions)


GATE_WEIGHT = Metric(
    name="gate_weight",
    title="Mean gate weight when chosen",
    unit="",
    axes=("layer", "expert"),
    meaning="Mean renormalised gate weight over the tokens that chose this expert; equal gates give 1 / k.",
    compute=compute,
    largest=lambda sample: 1.0,
)
