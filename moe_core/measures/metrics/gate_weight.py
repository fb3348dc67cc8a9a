"""How strongly an expert speaks when it is chosen, however rarely that is: its mean renormalised gate weight.

Renormalised (q = w / sum w), so that families that renormalise and those that do not can be compared.
"""

import numpy as np

from moe_core.measures.metric import Influence, Metric, MetricValues, SingleArray, ratio, single
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Mean q over the tokens that chose the expert, [L, E] in 0..1; 1 / K for equal gates, NaN where never chosen."""
    totals = sample.totals
    return MetricValues(ratio(totals.gate_sum, totals.tokens), totals.questions)


def influence(sample: RoutingSample) -> Influence:
    """A question's sum of q, less the mean q for each of its tokens that chose the expert, over their mean number."""
    totals, n = sample.totals, len(sample.questions)
    mean = single(ratio(totals.gate_sum, totals.tokens))
    scale = single(ratio(np.full_like(totals.tokens, float(n)), totals.tokens))
    n_tokens = single(sample.routing.n_tokens[sample.questions])  # [n]

    def of(rows: slice) -> SingleArray:
        questions = sample.questions[rows]
        found = sample.routing.gate_share[questions]  # [b, L, E]
        found *= n_tokens[rows, None, None]
        found -= mean * sample.routing.token_count[questions]
        found *= scale
        return found

    return Influence(of, totals.questions)


GATE_WEIGHT = Metric(
    name="gate_weight",
    title="Mean gate weight when chosen",
    unit="",
    axes=("layer", "expert"),
    meaning="Mean renormalised gate weight over the tokens that chose this expert; equal gates give 1 / k.",
    compute=compute,
    largest=lambda sample: 1.0,
    influence=influence,
)
