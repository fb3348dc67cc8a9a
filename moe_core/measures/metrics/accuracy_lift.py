"""Whether answers are better or worse than usual when an expert speaks: its accuracy less the sample's."""

from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.metrics import expert_accuracy
from moe_core.measures.metrics.accuracy import overall
from moe_core.measures.routing_sample import RoutingSample


def compute(sample: RoutingSample) -> MetricValues:
    """Expert accuracy minus accuracy [L, E] in -1..1, 0 = as usual; the interval is the expert accuracy's, moved."""
    expert, usual = expert_accuracy.compute(sample), overall(sample).estimate
    assert expert.lower is not None
    assert expert.upper is not None
    return MetricValues(expert.values - usual, expert.support, lower=expert.lower - usual, upper=expert.upper - usual)


ACCURACY_LIFT = Metric(
    name="accuracy_lift",
    title="Accuracy of the expert, against all questions",
    unit="",
    axes=("layer", "expert"),
    meaning="The expert's accuracy minus that of the whole selection: above 0, answers are better where it speaks.",
    compute=compute,
    is_signed=True,
)
