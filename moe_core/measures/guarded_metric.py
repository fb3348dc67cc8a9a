"""A metric of another package, whose failure leaves its own values out and nothing else."""

from dataclasses import replace

import numpy as np

from moe_core.errors import first_line
from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.routing_sample import RoutingSample
from moe_core.system.plugins import tell


def guarded(metric: Metric) -> Metric:
    """The metric; where its computation fails, or gives another shape than its axes say, every value is NaN."""

    def compute(sample: RoutingSample) -> MetricValues:
        sizes = {"layer": sample.n_layers, "expert": sample.n_experts, "rank": sample.top_k}
        sizes["subject"] = len(sample.subject_names)
        shape = tuple(sizes[axis] for axis in metric.axes)
        try:
            values = metric.compute(sample)
            if values.values.shape != shape or values.support.shape != shape:
                raise ValueError(f"values of shape {values.values.shape} where the axes make {shape}")
        except Exception as error:  # noqa: BLE001  # code of strangers
            tell(metric.name, f"its values cannot be computed ({first_line(error)})")
            return MetricValues(np.full(shape, np.nan), np.zeros(shape))
        return values

    return replace(metric, compute=compute)
