"""What a metric is: a named quantity per expert, layer, rank or subject over one `RoutingSample`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import first_line
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.difference_tests import LEVEL, holm
from moe_core.system.plugins import tell
from moe_core.traces.stored_rows import Rows

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
Axis = Literal["layer", "expert", "rank", "subject"]


@dataclass(frozen=True)
class MetricValues:
    """A metric over one sample; every array has the shape of the metric's axes.

    `values` are NaN where undefined. `support` counts the questions behind each value. `std` is the population
    standard deviation over tokens; `lower` and `upper` bound a 95 % interval; None where the metric has none. A
    difference has the two values it is between, `sides` (the first less the second), and `p`, no less than its test's.
    """

    values: FloatArray
    support: FloatArray
    std: FloatArray | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    sides: tuple[FloatArray, FloatArray] | None = None
    p: FloatArray | None = None

    @cached_property
    def corrected_p(self) -> FloatArray | None:
        """`p`, corrected for all cells together (Holm); NaN where nothing was tested, None where nothing is."""
        return None if self.p is None else holm(self.p)

    @cached_property
    def is_supported(self) -> BoolArray | None:
        """Differences that a test corrected for all of them supports; None where the values are no differences.

        Where there are none at all, the chance that any cell is supported is at most 5 %.
        """
        return None if self.corrected_p is None else np.less(self.corrected_p, LEVEL)


@dataclass(frozen=True)
class Influence:
    """How far each question moves a metric: its mean over the questions is that of `of` around the metric's value.

    `of` gives the influence of a slice of the sample's questions, [n, L, E], mean nearly 0, an array of its own in
    single precision, for only its squares count; `n_effective` [L, E] is how many questions carry the value.
    """

    of: Callable[[slice], SingleArray]
    n_effective: FloatArray


@dataclass(frozen=True)
class Metric:
    """One quantity. `meaning` is the sentence a tooltip shows; `unit` is empty for pure numbers.

    `axes` are ("layer", "expert"), ("layer",), ("layer", "rank"), ("subject",) or (); subjects are those of
    `RoutingSample.subject_names`. `largest` is the value no sample can exceed, None when there is none. `is_signed`:
    0 is a middle that means "as usual", and colours should diverge from it. `is_percent`: values are shares of right
    answers, or differences of such. `side_names`: what the sides of a difference are. `influence` is what a change of
    the metric between two runs gets its interval from. `prepares` does the part of `compute` that takes long, yielding
    shares done.
    """

    name: str
    title: str
    unit: str
    axes: tuple[Axis, ...]
    meaning: str
    compute: Callable[[RoutingSample], MetricValues]
    largest: Callable[[RoutingSample], float] | None = None
    is_signed: bool = False
    is_percent: bool = False
    side_names: tuple[str, str] = ("", "")
    influence: Callable[[RoutingSample], Influence] | None = None
    prepares: Callable[[RoutingSample], Iterator[float]] = lambda sample: sample.totalling.steps()


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64] | float) -> FloatArray:
    """numerator / denominator, NaN where the denominator is 0: nothing was observed there."""
    numerator = np.asarray(numerator, dtype=np.float64)
    bottom = np.broadcast_to(np.asarray(denominator, dtype=np.float64), numerator.shape)
    return np.divide(numerator, bottom, out=np.full_like(numerator, np.nan), where=bottom != 0)


def single(values: NDArray[Any]) -> SingleArray:
    """In single precision."""
    return np.asarray(values, np.float32)


def questions_per_layer(sample: RoutingSample) -> FloatArray:
    """The support of a quantity per layer: every question of the sample passes every layer, [L]."""
    return np.full(sample.n_layers, float(len(sample.questions)))


def mean_over_tokens(sample: RoutingSample, per_question_sum: Rows, square_sum: Rows) -> MetricValues:
    """Mean and population std over the scope's tokens from sums per question [N, L] of a quantity and its square.

    Population, not sample: the tokens are all there are in this scope. Sums of a trace are float32, so a std below
    about 1e-3 of the mean is rounding, not spread.
    """
    total, squares = (
        sums[sample.questions].sum(axis=0, dtype=np.float64) for sums in (per_question_sum, square_sum)
    )  # [L]
    mean = ratio(total, float(sample.n_tokens))
    variance = ratio(squares, float(sample.n_tokens)) - mean**2
    return MetricValues(mean, questions_per_layer(sample), std=np.sqrt(np.maximum(variance, 0)))


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
