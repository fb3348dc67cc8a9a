"""The metrics, in menu order; a new one is one file and one line here."""

from moe_core.errors import MoeCoreError
from moe_core.measures.metric import Metric
from moe_core.measures.metrics.accuracy import ACCURACY
from moe_core.measures.metrics.accuracy_lift import ACCURACY_LIFT
from moe_core.measures.metrics.answer_probability import ANSWER_PROBABILITY
from moe_core.measures.metrics.expert_accuracy import EXPERT_ACCURACY
from moe_core.measures.metrics.experts_used import EXPERTS_USED
from moe_core.measures.metrics.full_entropy import FULL_ENTROPY
from moe_core.measures.metrics.gate_weight import GATE_WEIGHT
from moe_core.measures.metrics.right_minus_wrong import RIGHT_MINUS_WRONG
from moe_core.measures.metrics.subject_accuracy import SUBJECT_ACCURACY
from moe_core.measures.metrics.top_weights import TOP_WEIGHTS
from moe_core.measures.metrics.topk_entropy import TOPK_ENTROPY
from moe_core.measures.metrics.used_share import USED_SHARE

METRICS: tuple[Metric, ...] = (
    USED_SHARE,
    GATE_WEIGHT,
    EXPERT_ACCURACY,
    ACCURACY_LIFT,
    RIGHT_MINUS_WRONG,
    ANSWER_PROBABILITY,
    EXPERTS_USED,
    TOPK_ENTROPY,
    FULL_ENTROPY,
    TOP_WEIGHTS,
    ACCURACY,
    SUBJECT_ACCURACY,
)


def metric_named(name: str) -> Metric:
    """The metric of this name; raises MoeCoreError, with all names, where there is none."""
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise MoeCoreError(f"There is no metric {name!r}: choose one of {', '.join(metric.name for metric in METRICS)}.")
