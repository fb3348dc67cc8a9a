"""Statistics of one yes-or-no outcome seen twice on the same questions: before and after an intervention.

Only the questions that change tell the two apart: losses (right, then wrong) and gains (wrong, then right). Tango
(1998), https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B; McNemar (1947), exact.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from moe_core.numbers.formatting import nats_with_interval, points_number_with_interval, points_with_interval
from moe_core.numbers.intervals import Z_95, Z_95_ONE_SIDED, Proportion, proportion_95

NAN = float("nan")


@dataclass(frozen=True)
class Bounds:
    """Lower and upper bound of a 95 % interval; both NaN where nothing was observed."""

    lower: float
    upper: float


@dataclass(frozen=True)
class PairedChange:
    """Accuracy before and after on the same `n` questions; `losses` became wrong, `gains` became right.

    `delta` = after - before, in -1..1, with Tango's 95 % score interval; `p` is McNemar's, exact and two-sided.
    """

    before: Proportion
    after: Proportion
    losses: int
    gains: int
    delta: float
    lower: float
    upper: float
    p: float

    @property
    def n(self) -> int:
        """Questions compared."""
        return self.before.n

    @property
    def delta_text(self) -> str:
        """`−2.2 points [−3.9, −0.5]`."""
        return points_with_interval(self.delta, self.lower, self.upper)

    @property
    def delta_number(self) -> str:
        """The same where a heading names the unit: `−2.2 [−3.9, −0.5]`."""
        return points_number_with_interval(self.delta, self.lower, self.upper)


@dataclass(frozen=True)
class MeanChange:
    """Mean of `n` paired differences with Student's 95 % interval; NaN where there are too few for it."""

    n: int
    mean: float
    lower: float
    upper: float

    @property
    def nats_text(self) -> str:
        """Of log-probabilities, signed: `−0.0513 [−0.0710, −0.0320] nats`."""
        return nats_with_interval(self.mean, self.lower, self.upper)


def paired_change(right_before: ArrayLike, right_after: ArrayLike) -> PairedChange:
    """The change of accuracy between two boolean arrays over the same questions; delta is NaN for none."""
    before, after = np.asarray(right_before, dtype=bool), np.asarray(right_after, dtype=bool)
    n, losses, gains = len(before), int((before & ~after).sum()), int((~before & after).sum())
    bounds = tango_interval(gains, losses, n)
    return PairedChange(
        before=proportion_95(int(before.sum()), n),
        after=proportion_95(int(after.sum()), n),
        losses=losses,
        gains=gains,
        delta=(gains - losses) / n if n else NAN,
        lower=bounds.lower,
        upper=bounds.upper,
        p=exact_mcnemar(gains, losses),
    )


def largest_loss(change: PairedChange) -> float:
    """The loss of accuracy (0..1) that is not exceeded with 95 % confidence: one side of Tango's interval.

    Not below 0; NaN for n = 0.
    """
    return max(0.0, -tango_interval(change.gains, change.losses, change.n, Z_95_ONE_SIDED).lower)


def exact_mcnemar(gains: int, losses: int) -> float:
    """Two-sided p of the exact McNemar test: gains and losses equally likely; 1 where nothing changed."""
    if gains == losses:
        return 1.0
    from scipy.special import betainc  # scipy.stats would take a third of a second more, when the first what-if ends

    fewer, n = min(gains, losses), gains + losses
    return min(1.0, 2 * float(betainc(n - fewer, fewer + 1, 0.5)))  # twice the tail of a symmetric binomial


def tango_interval(gains: int, losses: int, n: int, z: float = Z_95) -> Bounds:
    """Tango's score interval of (gains - losses) / n; NaN for n = 0.

    It inverts the score test, so without any change it is not a point: z^2 / (n + z^2) on either side of 0.
    """
    if n == 0:
        return Bounds(NAN, NAN)
    return Bounds(-_upper_bound(losses, gains, n, z), _upper_bound(gains, losses, n, z))


def _upper_bound(gains: int, losses: int, n: int, z: float) -> float:
    """The delta above the estimate at which the score test gives z."""
    if gains == n:
        return 1.0
    # Where the estimate's own variance is 0 it is a second root of the equation, and the wrong one.
    if losses == n:
        return (z**2 - n) / (z**2 + n)
    if gains + losses == 0:
        return z**2 / (z**2 + n)

    from scipy.optimize import brentq

    def excess(delta: float) -> float:
        return gains - losses - n * delta + z * sqrt(n * _variance(gains, losses, n, delta))

    return float(brentq(excess, (gains - losses) / n, 1.0, xtol=1e-12))


def _variance(gains: int, losses: int, n: int, delta: float) -> float:
    """Variance of one pair's difference, the share of losses being the likeliest for this delta."""
    b = (2 * n - gains + losses) * delta - gains - losses
    share = (sqrt(max(0.0, b * b + 8 * n * losses * delta * (1 - delta))) - b) / (4 * n)
    return max(0.0, 2 * share + delta * (1 - delta))


def mean_change(differences: ArrayLike) -> MeanChange:
    """The mean of paired differences; one of them has no interval, none has no mean either."""
    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    if n == 0:
        return MeanChange(0, NAN, NAN, NAN)
    mean = float(values.mean())
    if n == 1:
        return MeanChange(1, mean, NAN, NAN)
    from scipy.special import stdtrit

    half_width = float(stdtrit(n - 1, 0.975) * values.std(ddof=1) / sqrt(n))
    return MeanChange(n, mean, mean - half_width, mean + half_width)
