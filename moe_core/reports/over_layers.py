"""Numbers of each MoE layer as one with its interval: means, differences of two models, trends with depth.

Axes: L layers, E experts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from moe_core.analyses.analysis import FloatArray
from moe_core.numbers.formatting import number_with_interval, significant


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; bounds are NaN where there is none, all is NaN where nothing is known."""

    value: float = np.nan
    lower: float = np.nan
    upper: float = np.nan

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval lies above or below 0; else, and without an interval, 0."""
        return int(self.lower > 0) - int(self.upper < 0)

    def text(self, *, signed: bool = False) -> str:
        """`0.283 [0.279, 0.287]`, and what is missing where there is no interval."""
        if not np.isfinite(self.value):
            return "unknown"
        if not np.isfinite(self.lower):
            return f"{significant(self.value, signed=signed)} (too few layers for an interval)"
        return number_with_interval(self.value, self.lower, self.upper, signed=signed)


def off_diagonal(values: FloatArray) -> FloatArray:
    """The mean over all pairs of different experts, layer by layer [L] of [L, E, E]; NaN pairs are left out."""
    E = values.shape[1]
    pairs: FloatArray = values[:, ~np.eye(E, dtype=bool)]
    known = np.isfinite(pairs)
    n = known.sum(axis=1)
    sums = np.where(known, pairs, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0))


def mean_over_layers(values: FloatArray) -> Estimate:
    """The mean over layers and its 95 % interval (Student's t)."""
    return _students(values, lambda n: 1 / n)


def one_more(values: FloatArray) -> Estimate:
    """What one more layer like these would have, and in which interval it would lie in 95 % of cases (Student's t)."""
    return _students(values, lambda n: 1 + 1 / n)


def _students(values: FloatArray, variances: Callable[[int], float]) -> Estimate:
    from scipy.stats import t

    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Estimate(*map(float, known))
    half = float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) * np.sqrt(variances(len(known))))
    mean = float(known.mean())
    return Estimate(mean, mean - half, mean + half)


def welch(first: FloatArray, second: FloatArray) -> Estimate:
    """The difference of the means over the layers of two models, first minus second, with Welch's interval."""
    from scipy.stats import t

    samples = [of[np.isfinite(of)] for of in (first, second)]
    if min(map(len, samples)) == 0:
        return Estimate()
    mean = float(samples[0].mean() - samples[1].mean())
    if min(map(len, samples)) < 2:
        return Estimate(mean)
    own = np.array([of.var(ddof=1) / len(of) for of in samples])
    freedom = own.sum() ** 2 / max(sum(each**2 / (len(of) - 1) for each, of in zip(own, samples, strict=True)), 1e-300)
    half = float(t.ppf(0.975, max(freedom, 1.0)) * np.sqrt(own.sum()))
    return Estimate(mean, mean - half, mean + half)


def trend(values: FloatArray) -> Estimate:
    """Rank correlation with depth and its 95 % interval by Fisher's z; no interval for fewer than five layers."""
    from scipy.stats import spearmanr

    if len(values) < 3 or np.ptp(values) == 0:
        return Estimate()
    rho = float(spearmanr(np.arange(len(values)), values).statistic)
    if len(values) < 5:
        return Estimate(rho)
    z, half = np.arctanh(np.clip(rho, -0.999999, 0.999999)), 1.96 / np.sqrt(len(values) - 3)
    return Estimate(rho, float(np.tanh(z - half)), float(np.tanh(z + half)))
