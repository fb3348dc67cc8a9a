"""Numbers of each MoE layer as one with its interval: means, differences of two models, trends with depth.

Axes: L layers, E experts.
"""

import numpy as np

from moe_core.analyses.analysis import FloatArray
from moe_core.numbers.formatting import number_with_interval, significant


def off_diagonal(values: FloatArray) -> FloatArray:
    """The mean over all pairs of different experts, layer by layer [L] of [L, E, E]; NaN pairs are left out."""
    E = values.shape[1]
    pairs: FloatArray = values[:, ~np.eye(E, dtype=bool)]
    known = np.isfinite(pairs)
    n = known.sum(axis=1)
    sums = np.where(known, pairs, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0))


def mean_over_layers(values: FloatArray, *, signed: bool = False) -> str:
    """`0.283 [0.279, 0.287]`: the mean over layers and its 95 % interval (Student's t)."""
    from scipy.stats import t

    known = values[np.isfinite(values)]
    if len(known) < 2:
        return f"{significant(float(known.mean()))} (one layer)" if len(known) else "unknown"
    half = float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    mean = float(known.mean())
    return number_with_interval(mean, mean - half, mean + half, signed=signed)


def welch(first: FloatArray, second: FloatArray) -> str:
    """The difference of the means over the layers of two models, first minus second, with Welch's interval."""
    from scipy.stats import t

    samples = [of[np.isfinite(of)] for of in (first, second)]
    if min(map(len, samples)) < 2:
        return "unknown (one layer)"
    mean = float(samples[0].mean() - samples[1].mean())
    own = np.array([of.var(ddof=1) / len(of) for of in samples])
    freedom = own.sum() ** 2 / max(sum(each**2 / (len(of) - 1) for each, of in zip(own, samples, strict=True)), 1e-300)
    half = float(t.ppf(0.975, max(freedom, 1.0)) * np.sqrt(own.sum()))
    return number_with_interval(mean, mean - half, mean + half, signed=True)


def trend(values: FloatArray) -> tuple[float, float, float]:
    """Rank correlation with depth and its 95 % interval by Fisher's z; NaN ends for fewer than five layers."""
    from scipy.stats import spearmanr

    if len(values) < 3 or np.ptp(values) == 0:
        return np.nan, np.nan, np.nan
    rho = float(spearmanr(np.arange(len(values)), values).statistic)
    if len(values) < 5:
        return rho, np.nan, np.nan
    z, half = np.arctanh(np.clip(rho, -0.999999, 0.999999)), 1.96 / np.sqrt(len(values) - 3)
    return rho, float(np.tanh(z - half)), float(np.tanh(z + half))
