"""Wilson's interval for a proportion, closed form, for whole arrays at once.

Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953. Unlike the textbook interval it keeps its coverage near
0 and 1 and for small n, where most experts' accuracies lie.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moe_core.numbers.formatting import percent_with_interval

FloatArray = NDArray[np.float64]

Z_95 = 1.959963984540054  # the standard normal's 97.5 % point
Z_95_ONE_SIDED = 1.6448536269514722  # its 95 % point


@dataclass(frozen=True)
class Interval:
    """Lower and upper bounds, of the shape of what they bound; NaN where nothing was observed."""

    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True)
class Proportion:
    """`successes` of `n`: the estimate (NaN for n = 0) and its Wilson 95 % interval, all in 0..1."""

    successes: int
    n: int
    estimate: float
    lower: float
    upper: float

    @property
    def text(self) -> str:
        """`71.2 % [68.1, 74.1]`."""
        return percent_with_interval(self.estimate, self.lower, self.upper)


def wilson_95(proportion: ArrayLike, n: ArrayLike) -> Interval:
    """The Wilson 95 % interval of proportions in 0..1 seen in `n` trials each; NaN where n is 0.

    `n` need not be whole: a weighted mean has an effective sample size.
    """
    p, trials = np.asarray(proportion, dtype=np.float64), np.asarray(n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrink = 1 + Z_95**2 / trials
        centre = (p + Z_95**2 / (2 * trials)) / shrink
        # Rounding may take p a hair outside 0..1 (a quotient of two sums), the root with it, and an end a hair past p.
        spread = np.clip(p * (1 - p), 0, None) / trials + Z_95**2 / (4 * trials**2)
        half_width = Z_95 * np.sqrt(spread) / shrink
    empty = ~(trials > 0)
    return Interval(
        lower=np.where(empty, np.nan, np.clip(np.minimum(centre - half_width, p), 0, 1)),
        upper=np.where(empty, np.nan, np.clip(np.maximum(centre + half_width, p), 0, 1)),
    )


def proportion_95(successes: int, n: int) -> Proportion:
    """A counted proportion with its Wilson 95 % interval; all NaN for n = 0."""
    estimate = successes / n if n else float("nan")
    interval = wilson_95(estimate, n)
    return Proportion(successes, n, estimate, float(interval.lower), float(interval.upper))


def effective_sample_size(weight_sum: ArrayLike, weight_square_sum: ArrayLike) -> FloatArray:
    """Kish's effective sample size (sum w)^2 / sum w^2; 0 where there is no weight.

    How many equally weighted observations would fix a weighted mean as well: never more than their number, less the
    more unequal the weights. Kish (1965), Survey Sampling, section 8.2.
    """
    total, squares = np.asarray(weight_sum, dtype=np.float64), np.asarray(weight_square_sum, dtype=np.float64)
    return np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)
