"""The metrics, in menu order; a new one is one file and one line here. Those of other packages come after them."""

from moe_core.errors import MoeCoreError
from moe_core.measures.metric import Metric, guarded
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
from moe_core.system.plugins import plugins

_BUILT_IN: list[Metric] = [
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
]
_OF_OTHERS = plugins("metrics", lambda made: isinstance(made, Metric), [metric.name for metric in _BUILT_IN])
METRICS: tuple[Metric, ...] = (*_BUILT_IN, *map(guarded, _OF_OTHERS))


def metric_named(name: str) -> Metric:
    """The metric of this name; raises MoeCoreError, with all names, where there is none."""
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise MoeCoreError(f"There is no metric {name!r}: choose one of {', '.join(metric.name for metric in METRICS)}.")
