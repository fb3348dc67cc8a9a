"""Principal components from sums that can be gathered a slab at a time.

Axes: n samples, d columns; two components.
"""

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import FloatArray

PAPER_EPS, PAPER_COLUMNS, LEAST_NEIGHBOURS = 50.0, 1408 * 2048, 5
"""DBSCAN as the paper's authors ran it on DeepSeekMoE's experts: radius, columns of an expert, points in it."""
OUTLIERS = "outliers (DBSCAN) were left out."


def standardised(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Columns [n, d] with mean 0 and standard deviation 1 (over n - 1, as the paper's code); constant ones become 0."""
    centred = columns - columns.mean(axis=0)
    std = columns.std(axis=0, ddof=1)
    return np.asarray(np.divide(centred, std, out=np.zeros_like(centred), where=std > 0))


def without_outliers(points: FloatArray, n_columns: int) -> tuple[FloatArray, int]:
    """Points [n, 2] with NaN for what DBSCAN calls noise, and how many these are."""
    noise = outliers(points, n_columns)
    return np.where(noise[:, None], np.nan, points), int(noise.sum())


def scores_of_gram(gram: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two principal components [n, 2] of centred rows from their inner products [n, n]; share of variance [2]."""
    power, vectors = np.linalg.eigh(gram)
    top = np.argsort(-power)[:2]
    size = np.sqrt(np.maximum(power[top], 0.0))
    return turned(vectors[:, top]) * size, np.maximum(power[top], 0.0) / max(power.sum(), np.finfo(float).tiny)


def turned(vectors: FloatArray) -> FloatArray:
    """Columns with their largest entry positive: a component has no sign of its own."""
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return np.asarray(vectors * np.where(signs == 0, 1.0, signs))


def outliers(points: FloatArray, n_columns: int) -> NDArray[np.bool_]:
    """Which points [n, 2] DBSCAN calls noise: near no point that has LEAST_NEIGHBOURS within the radius, itself too.

    Scores grow with the root of the number of columns, and so does the radius.
    """
    from scipy.spatial import cKDTree

    radius = PAPER_EPS * float(np.sqrt(n_columns / PAPER_COLUMNS))
    near = np.asarray(cKDTree(points).query_ball_point(points, radius), object)
    is_core = np.array([len(each) >= LEAST_NEIGHBOURS for each in near])
    return np.array([not is_core[each].any() for each in near])
