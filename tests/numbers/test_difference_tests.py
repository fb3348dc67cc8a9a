"""Tests of differences: intervals cover, p bounds that of a permutation test, and noise is never supported."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from moe_core.numbers.difference_tests import (
    GroupSums,
    excess_interval,
    group_difference_interval,
    group_difference_p,
    holm,
    paired_p,
    paired_z,
)
from moe_core.numbers.intervals import effective_sample_size, wilson_95

FloatArray = NDArray[np.float64]
CASES = [(12, 0.3, 0.3), (40, 0.25, 0.1), (200, 0.25, 0.02), (200, 0.7, 0.3), (600, 0.9, 0.02), (600, 0.5, 0.5)]
"""Questions, the share of them in the first group, and how often a quantity is not 0."""


def draw(rng: np.random.Generator, n: int, used: float, n_cells: int = 150) -> FloatArray:
    """A quantity that is mostly 0, as the gate share of an expert is [n, cells]."""
    return np.asarray((rng.random((n, n_cells)) < used) * rng.beta(2, 6, (n, n_cells)))


def sums_of(values: FloatArray, is_first: NDArray[np.bool_]) -> GroupSums:
    """The sums that a trace gives of it."""
    first, second = values[is_first], values[~is_first]
    totals = [first.sum(0), second.sum(0), (first**2).sum(0), (second**2).sum(0)]
    return GroupSums(len(first), len(second), *totals, values.max(axis=0))


@pytest.mark.parametrize(("n", "share", "used"), CASES)
def test_intervals_cover_and_noise_is_not_supported(n: int, share: float, used: float) -> None:
    """Nominally 95 %: at least 94 of 100 intervals hold the truth; hardly any draw has a cell that is supported."""
    rng, covered, n_false = np.random.default_rng(7), [], 0
    for _ in range(20):
        values, is_first = draw(rng, n, used), rng.random(n) < share
        is_first[:2] = True, False
        sums = sums_of(values, is_first)
        interval = group_difference_interval(sums)
        known = np.isfinite(interval.lower)
        covered.append(((interval.lower <= 0) & (interval.upper >= 0))[known].mean())
        n_false += bool(np.nanmin(holm(group_difference_p(sums))) < 0.05)
    assert np.mean(covered) > 0.94
    assert n_false <= 1


@pytest.mark.parametrize("shift", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.85])
def test_p_bounds_that_of_a_permutation_test(share: float, shift: float) -> None:
    """Never below it but for chance, and never without hope above it."""
    rng = np.random.default_rng(3)
    values, is_first = draw(rng, 150, 0.5, 1), rng.random(150) < share
    values[is_first] *= shift
    exact = stats.permutation_test(
        (values[is_first, 0], values[~is_first, 0]),
        lambda one, other, axis: one.mean(axis) - other.mean(axis),
        vectorized=True,
        n_resamples=1999,
        random_state=rng,
    ).pvalue
    (bound,) = group_difference_p(sums_of(values, is_first))
    assert bound >= 0.9 * exact - 0.001
    assert bound <= max(12 * exact, 0.02)


def test_a_rare_quantity_is_judged_as_fisher_judges_it() -> None:
    """Two questions of 200 that are both right say nothing, whatever a normal approximation says of them."""
    is_first, values = np.arange(200) < 20, np.zeros((200, 1))
    values[:2] = 1
    fisher = stats.fisher_exact([[2, 18], [0, 180]]).pvalue
    (bound,) = group_difference_p(sums_of(values, is_first))
    assert fisher == pytest.approx(0.0095, abs=0.0005)
    assert bound > fisher
    assert stats.ttest_ind(values[is_first, 0], values[~is_first, 0]).pvalue < 0.0001


def test_what_is_the_same_for_all_and_what_nobody_has_are_not_tested() -> None:
    """NaN, also where single precision leaves a trace of a difference; so is everything without a second group."""
    rng, is_first = np.random.default_rng(0), np.arange(50) < 20
    same = np.full((50, 1), np.float32(1 / 3)) + 1e-9 * rng.standard_normal((50, 1))
    values = np.hstack([same.astype(np.float64), np.zeros((50, 1))])
    assert np.isnan(group_difference_p(sums_of(values, is_first))).all()
    alone = sums_of(draw(rng, 50, 0.5, 4), np.ones(50, bool))
    assert np.isnan(group_difference_p(alone)).all()
    assert np.isnan(group_difference_interval(alone).lower).all()


@pytest.mark.parametrize("effect", [0.0, 0.2])
@pytest.mark.parametrize(("n", "used"), [(60, 0.3), (300, 0.1), (300, 0.9)])
def test_the_interval_of_a_part_against_the_whole_covers(n: int, used: float, effect: float) -> None:
    """The part is in the whole: both move together, which intervals that are only moved do not know."""
    rng, covered = np.random.default_rng(5), []
    for _ in range(40):
        weights = draw(rng, n, used, 20)
        right = rng.random((n, 20)) < 0.4 + effect * (weights > 0)
        total, accuracy = weights.sum(0), (weights * right).sum(0) / weights.sum(0)
        carrying = effective_sample_size(total, (weights**2).sum(0))
        for cell in range(20):
            usual = float(right[:, cell].mean())
            whole, part = wilson_95(usual, n), wilson_95(accuracy[cell], carrying[cell])
            found = excess_interval(part, whole, accuracy[cell], usual, carrying[cell] / n)
            covered.append(found.lower <= effect - effect * used <= found.upper)
    assert 0.92 < np.mean(covered) < 0.985


def test_paired_p_bounds_that_of_flipping_signs() -> None:
    """And z is the sum of the differences over the root of their squares."""
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.3, 0.6):
        differences = rng.standard_normal(40) + shift
        error = np.array([differences.std(ddof=1) / np.sqrt(40)])
        z = paired_z(np.array([differences.mean()]), error, 40)
        assert z[0] == pytest.approx(abs(differences.sum()) / np.sqrt((differences**2).sum()))
        exact = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=1999, random_state=rng
        ).pvalue
        assert 0.9 * exact - 0.001 <= float(paired_p(z)[0]) <= max(7 * exact, 0.01)


def test_z_is_never_above_the_root_of_n() -> None:
    """Three questions that all change alike are three coins that all fall alike."""
    z = paired_z(np.array([0.5, 0.0, np.nan]), np.array([0.0, 0.0, 0.1]), 3)
    assert z[:2].tolist() == pytest.approx([np.sqrt(3), 0])
    assert np.isnan(z[2])
    assert float(paired_p(z[0])) > 0.05


def test_holm_on_a_known_case() -> None:
    """Holm (1979) steps down: the smallest p times m, the next times m - 1, never decreasing, at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    np.testing.assert_array_equal(holm([[0.7, np.nan, 0.6]]), [[1, np.nan, 1]])
    assert holm([]).tolist() == []
