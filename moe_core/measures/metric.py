"""What a metric is: a named quantity per expert, layer, rank or subject over one `RoutingSample`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.routing_sample import RoutingSample

FloatArray = NDArray[np.float64]
Axis = Literal["layer", "expert", "rank", "subject"]


@dataclass(frozen=True)
class MetricValues:
    """A metric over one sample; every array has the shape of the metric's axes.

    `values` are NaN where undefined. `support` counts the questions behind each value. `std` is the population
    standard deviation over tokens; `lower` and `upper` bound a 95 % interval; None where the metric has none.
    """

    values: FloatArray
    support: FloatArray
    std: FloatArray | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None


@dataclass(frozen=True)
class Metric:
    """One quantity. `meaning` is the sentence a tooltip shows; `unit` is empty for pure numbers.

    `axes` are ("layer", "expert"), ("layer",), ("layer", "rank"), ("subject",) or (); subjects are those of
    `RoutingSample.subject_names`. `largest` is the value no sample can exceed, None when there is none. `is_signed`:
    0 is a middle that means "as usual", and colours should diverge from it.
    """

    name: str
    title: str
    unit: str
    axes: tuple[Axis, ...]
    meaning: str
    compute: Callable[[RoutingSample], MetricValues]
    largest: Callable[[RoutingSample], float] | None = None
    is_signed: bool = False


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64] | float) -> FloatArray:
    """numerator / denominator, NaN where the denominator is 0: nothing was observed there."""
    numerator = np.asarray(numerator, dtype=np.float64)
    bottom = np.broadcast_to(np.asarray(denominator, dtype=np.float64), numerator.shape)
    return np.divide(numerator, bottom, out=np.full_like(numerator, np.nan), where=bottom != 0)


def questions_per_layer(sample: RoutingSample) -> FloatArray:
    """The support of a quantity per layer: every question of the sample passes every layer, [L]."""
    return np.full(sample.n_layers, float(len(sample.questions)))


def mean_over_tokens(sample: RoutingSample, per_question_sum: FloatArray, square_sum: FloatArray) -> MetricValues:
    """Mean and population std over the scope's tokens from sums per question [N, L] of a quantity and its square.

    Population, not sample: the tokens are all there are in this scope. Sums of a trace are float32, so a std below
    about 1e-3 of the mean is rounding, not spread.
    """
    total, squares = per_question_sum[sample.questions].sum(axis=0), square_sum[sample.questions].sum(axis=0)  # [L]
    mean = ratio(total, float(sample.n_tokens))
    variance = ratio(squares, float(sample.n_tokens)) - mean**2
    return MetricValues(mean, questions_per_layer(sample), std=np.sqrt(np.maximum(variance, 0)))
