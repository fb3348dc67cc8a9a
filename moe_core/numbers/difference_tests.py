"""Whether differences are more than noise, for whole arrays at once, from sums alone.

A p value here bounds that of a permutation test from above: it may be too large, but is not too small even where two
questions of ten thousand make the whole difference. Normal approximations fail exactly there, far out in the tail,
which is where a correction for a thousand cells looks. An interval is the 95 % one of its difference alone.
"""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moe_core.numbers.intervals import Z_95, Interval

FloatArray = NDArray[np.float64]

LEVEL = 0.05
"""A difference is supported where its corrected p is below this."""
_ROUNDING = 1e-6
"""Share of a sum of squares below which its rest is rounding: traces hold single precision."""
_SIGN_FLIPS = 3.178
"""Sums of randomly signed numbers are in a tail at most so many times as often as a normal one of their variance."""


@dataclass(frozen=True)
class GroupSums:
    """A quantity in 0..1 over two groups of questions: `n_first` and `n_second` of them; of each cell its sum and sum
    of squares in either group, and its largest value.
    """

    n_first: int
    n_second: int
    first: FloatArray
    second: FloatArray
    first_squares: FloatArray
    second_squares: FloatArray
    largest: FloatArray


def group_difference_interval(sums: GroupSums) -> Interval:
    """The 95 % interval of the first group's mean less the second's; NaN where a group or the quantity is empty.

    Agresti and Caffo (2000), https://doi.org/10.1080/00031305.2000.10474560: each group gets two questions more, one
    at 0 and one at the usual value of those that are not 0 (sum of squares / sum). For a quantity that is either 0 or
    one value it is their interval; without them a group of zeros alone would seem to be known for certain.
    """
    total, squares = sums.first + sums.second, sums.first_squares + sums.second_squares
    if not (sums.n_first and sums.n_second):
        nothing = np.full_like(total, np.nan)
        return Interval(nothing, nothing)
    usual = np.divide(squares, total, out=np.full_like(total, np.nan), where=total > 0)
    means, variance = [], np.zeros_like(total)
    for n, values, values_squared in (
        (sums.n_first, sums.first, sums.first_squares),
        (sums.n_second, sums.second, sums.second_squares),
    ):
        mean = (values + usual) / (n + 2)
        means.append(mean)
        variance = variance + np.maximum((values_squared + usual**2) / (n + 2) - mean**2, 0) / (n + 2)
    found, middle = sums.first / sums.n_first - sums.second / sums.n_second, means[0] - means[1]
    half_width = Z_95 * np.sqrt(variance)
    return Interval(
        lower=np.clip(np.minimum(middle - half_width, found), -1, 1),
        upper=np.clip(np.maximum(middle + half_width, found), -1, 1),
    )


def group_difference_p(sums: GroupSums) -> FloatArray:
    """A bound on the two-sided p of the permutation test that both groups have the same mean.

    NaN where a group is empty, and where the quantity is the same for all.

    Under the hypothesis it is chance which questions are in the first group. The sum over that group then strays from
    its expectation with a variance that is known, and its tails are below both Bernstein's bound, which knows the
    variance and the largest value, and that of Kearns and Saul, which knows how often a question is in the group
    (Boucheron, Lugosi and Massart, Concentration Inequalities, 2.8; https://arxiv.org/abs/1301.7392).
    """
    n = sums.n_first + sums.n_second
    total = sums.first + sums.second
    if not (sums.n_first and sums.n_second):
        return np.full_like(total, np.nan)
    share, mean = sums.n_first / n, total / n
    strays = np.abs(sums.first - sums.n_first * mean)
    spread = np.maximum(sums.first_squares + sums.second_squares - n * mean**2, 0)
    largest = np.maximum(np.maximum(sums.largest - mean, mean), 0) * max(share, 1 - share)
    variance = spread * share * (1 - share) * n / (n - 1)
    bernstein = _ratio(strays**2, variance + largest * strays / 3)
    kearns_saul = _ratio(strays**2, spread * _variance_proxy(share))
    bound: FloatArray = 2 * np.exp(-np.maximum(bernstein, kearns_saul) / 2)
    return np.where(spread > _ROUNDING * (mean**2 * n + spread), np.minimum(bound, 1), np.nan)


def excess_interval(part: Interval, whole: Interval, found: FloatArray, usual: float, overlap: FloatArray) -> Interval:
    """The 95 % interval of a proportion `found` in a part of the questions less `usual`, that of all of them.

    Zou and Donner (2008), https://doi.org/10.1002/sim.3095: from the intervals of both, which are not independent.
    `overlap` is how much of the whole the part is, 0..1: the square of their correlation, for the variance of a mean is
    that of a question over how many there are, and they share the questions of the part.
    """
    tie = np.sqrt(np.clip(overlap, 0, 1))

    def reach(of_part: FloatArray, of_whole: FloatArray) -> FloatArray:
        return np.sqrt(np.maximum(of_part**2 + of_whole**2 - 2 * tie * of_part * of_whole, 0))

    return Interval(
        lower=found - usual - reach(found - part.lower, whole.upper - usual),
        upper=found - usual + reach(part.upper - found, usual - whole.lower),
    )


def paired_p(z: ArrayLike) -> FloatArray:
    """A bound on the two-sided p of the sign-flip test, z = |sum d| / root of the sum of d^2 of n paired differences d.

    Under the hypothesis each difference could as well have the other sign. Bentkus and Dzindzalieta (2015),
    https://doi.org/10.3150/14-BEJ603: whatever the differences are, z lies in a tail at most 3.178 times as often as a
    normal one; by Hoeffding (1963) its p is below 2 exp(-z^2 / 2), too.
    """
    from scipy.special import ndtr  # slow to import, and most sessions compare nothing

    size = np.abs(np.asarray(z, np.float64))
    bound: FloatArray = np.minimum(2 * _SIGN_FLIPS * ndtr(-size), 2 * np.exp(-(size**2) / 2))
    return np.minimum(bound, 1)


def paired_z(difference: FloatArray, standard_error: FloatArray, n: ArrayLike) -> FloatArray:
    """The z of `paired_p` of a mean difference of n questions, from its standard error; it is never above root n.

    As (sum d)^2 / sum d^2 with the squares about 0 rather than about the mean. NaN where there is no
    difference to judge.
    """
    counted = np.asarray(n, np.float64)
    square = np.divide(difference**2, standard_error**2, out=np.full_like(difference, np.inf), where=standard_error > 0)
    with np.errstate(invalid="ignore"):
        z = np.sqrt(np.where(np.isinf(square), counted, counted * square / np.maximum(counted - 1 + square, 1e-300)))
    return np.where(np.isnan(difference), np.nan, np.where(difference == 0, 0.0, z))


def holm(p_values: ArrayLike) -> FloatArray:
    """The p values corrected for being many (Holm 1979, https://www.jstor.org/stable/4615733); NaN ones do not count.

    The chance that any of them is falsely below 0.05 is then at most 5 %, however they depend on each other.
    """
    p = np.asarray(p_values, np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p.ravel()[known], kind="stable")]
    stepped = p.ravel()[order] * np.arange(len(order), 0, -1)
    corrected = np.full(p.size, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return corrected.reshape(p.shape)


def _variance_proxy(share: float) -> float:
    """Kearns and Saul's: what a coin of this share behaves like at worst, pq at a half, more than pq elsewhere."""
    odds = log((1 - share) / share)
    return 0.25 if abs(odds) < 1e-6 else (1 - 2 * share) / (2 * odds)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """0 where nothing varies: then nothing strays."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 1e-12)
