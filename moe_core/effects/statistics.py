"""How far a map can be believed: intervals of what was measured, agreement of its halves, what an audit found.

Which questions are asked limits a map more than the errors of its predictions.
Axes: n questions, L MoE layers, E experts.
"""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.effect_map import Audit, CellEffects, Doubles, Mask
from moe_core.numbers.difference_tests import holm
from moe_core.numbers.formatting import count, percent

SPLITS = 20
LARGE_NATS = 0.05
"""Effects on one answer whose sign an audit asks for; smaller ones matter to nobody."""
HARMFUL_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class MeasuredCells:
    """Student's paired 95 % interval over questions [L, E], and p of no effect, also by Holm.

    NaN where predicted, and where no answer asked changes: how far others would is unknown, and nothing is tested.
    """

    lower: Doubles
    upper: Doubles
    p: Doubles
    p_holm: Doubles


@dataclass(frozen=True)
class SignAgreement:
    """Share of audited pairs above LARGE_NATS whose sign was predicted, each counted for those it stands for."""

    share: float
    n: int


def measured_cells(cells: CellEffects) -> MeasuredCells:
    """Intervals and p of the measured cells; corrected for the number of these alone."""
    from scipy.stats import t

    shape = cells.mean.shape
    known = cells.is_measured & (cells.standard_error > 0)
    lower, upper, p, corrected = (np.full(shape, nan) for _ in range(4))
    if known.any():
        half = t.ppf(0.975, cells.n - 1) * cells.standard_error[known]
        lower[known], upper[known] = cells.mean[known] - half, cells.mean[known] + half
        p[known] = 2 * t.sf(np.abs(cells.mean[known] / cells.standard_error[known]), cells.n - 1)
        corrected[known] = holm(p[known])
    return MeasuredCells(lower, upper, p, corrected)


def rank_correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Spearman's rank correlation; NaN where either is constant."""
    from scipy.stats import rankdata

    ranks = np.array([rankdata(values) for values in (one, other)], dtype=np.float64)
    if len(one) < 2 or (np.ptp(ranks, axis=1) == 0).any():
        return nan
    return float(np.corrcoef(ranks[0], ranks[1]).item(1))


def split_half(cells: CellEffects, used: Mask) -> float:
    """Mean rank correlation over used experts [L, E] between the maps of two random halves of the questions.

    0: the ranking is noise of which questions were asked; 1: any half of them gives the same. NaN below four questions.
    """
    if cells.n < 4 or used.sum() < 2:
        return nan
    draw, pairs = np.random.default_rng(0), cells.effects[:, used]  # [n, used]
    found = []
    for _ in range(SPLITS):
        order = draw.permutation(cells.n)
        halves = order[: cells.n // 2], order[cells.n // 2 :]
        found.append(rank_correlation(*(pairs[half].mean(axis=0, dtype=np.float64) for half in halves)))
    return float(np.mean(found))


def sign_agreement(audit: Audit) -> SignAgreement:
    """What the audit says of the signs of pairs that were not re-run; NaN where it met no large one."""
    large = np.abs(audit.measured) > LARGE_NATS
    if not large.any():
        return SignAgreement(nan, 0)
    weight = 1 / audit.chance[large].astype(np.float64)
    agrees = np.sign(audit.predicted[large]) == np.sign(audit.measured[large])
    return SignAgreement(float((weight * agrees).sum() / weight.sum()), int(large.sum()))


def is_noise(cells: CellEffects) -> Mask:
    """Cells [L, E] whose mean lies within two standard errors of 0: another set of questions may turn its sign."""
    noise: Mask = ~(np.abs(cells.mean) > 2 * cells.standard_error)
    return noise


def most_harmful(cells: CellEffects, used: Mask) -> NDArray[np.intp]:
    """The tenth of the used experts whose masking harms most, as [k, 2] of layer and expert, most harmful first."""
    places = np.argwhere(used)
    n = max(1, round(HARMFUL_SHARE * len(places))) if len(places) else 0
    order = np.argsort(cells.mean[used], kind="stable")[:n]
    return places[order]


def harmful_tenth_text(cells: CellEffects, used: Mask) -> str:
    """A sentence where the most harmful tenth cannot be told from 0; empty where each of them can."""
    tenth = most_harmful(cells, used)
    below = sum(bool(cells.mean[at] < -2 * cells.standard_error[at]) for at in map(tuple, tenth))
    if below == len(tenth):
        return ""
    return (
        f"Of the {count(len(tenth))} experts that harm most when masked, only {count(below)} "
        f"({percent(below / len(tenth))}) lie two standard errors below 0 with {count(cells.n)} questions: the order "
        "of the others may be chance."
    )
