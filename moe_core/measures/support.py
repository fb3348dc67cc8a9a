"""What is said of differences that may be noise: whether a corrected test supports them, and how many it does."""

import numpy as np

from moe_core.measures.metric import MetricValues
from moe_core.numbers.difference_tests import LEVEL
from moe_core.numbers.formatting import count, p_value

Cell = tuple[int, int]


def support_text(values: MetricValues, cell: Cell) -> str:
    """What the test of a cell's difference says; empty where there is none."""
    if values.corrected_p is None:
        return ""
    corrected = float(values.corrected_p[cell])
    if np.isnan(corrected):
        return "nothing to test"
    return f"{'not ' * (corrected >= LEVEL)}supported ({p_value(corrected)}, corrected)"


def supported_text(values: MetricValues) -> str:
    """How many differences are supported, and by what, for captions; empty where values are none."""
    if values.is_supported is None:
        return ""
    assert values.p is not None
    n, of = int(values.is_supported.sum()), int(np.isfinite(values.p).sum())
    return f"{count(n)} of {count(of)} differences supported (Holm, p < {LEVEL:g})"
