"""Paired statistics against published cases, scipy, and the ends of what can happen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, ttest_1samp

from moe_core.numbers.paired_statistics import exact_mcnemar, mean_change, paired_change, tango_interval

counts = st.integers(1, 400).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda gains: st.tuples(st.just(gains), st.integers(0, n - gains), st.just(n)))
)


@pytest.mark.parametrize(
    ("table", "level", "expected"),
    [
        ((4, 9, 3, 16), 0.95, (-0.027, 0.390)),  # Tango (1998)
        ((43, 0, 1, 0), 0.90, (-0.096, 0.037)),  # Tango (1998)
        ((53, 16, 8, 9), 0.95, (-0.020, 0.207)),  # data of Agresti and Min (2005)
        ((1, 1, 7, 12), 0.95, (-0.517, -0.026)),  # Fagerland, Lydersen and Laake (2014)
    ],
)
def test_tango_equals_the_published_cases(
    table: tuple[int, int, int, int], level: float, expected: tuple[float, float]
) -> None:
    """To the three digits that were printed; a table is (both, first only, second only, neither).

    All four are also what the R package ratesci is tested with.
    """
    _, first, second, _ = table
    found = tango_interval(first, second, sum(table), z=float(norm.ppf(0.5 + level / 2)))
    assert (found.lower, found.upper) == pytest.approx(expected, abs=5e-4)


def test_mcnemar_equals_the_published_case_and_scipy() -> None:
    """Bentur et al. (2009) in Fagerland, Lydersen and Laake (2013): 1 against 7 gives p = 0.0703."""
    assert exact_mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert exact_mcnemar(86, 150) == pytest.approx(binomtest(86, 236, 0.5).pvalue)
    assert exact_mcnemar(0, 0) == 1


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_mcnemar_is_a_binomial_test_of_equal_chances(gains: int, losses: int) -> None:
    """For any counts, in either tail, and never more than 1."""
    expected = binomtest(gains, gains + losses).pvalue if gains + losses else 1.0
    assert exact_mcnemar(gains, losses) == pytest.approx(expected, rel=1e-10, abs=1e-300)
    assert exact_mcnemar(gains, losses) <= 1


@given(counts)
def test_the_interval_holds_the_estimate_and_solves_the_score_equation(case: tuple[int, int, int]) -> None:
    """Bounds lie in -1..1 on either side of the estimate; at a bound inside, the likelihood's own score is 1.96."""
    gains, losses, n = case
    found = tango_interval(gains, losses, n)
    assert -1 <= found.lower <= (gains - losses) / n + 1e-12
    assert (gains - losses) / n - 1e-12 <= found.upper <= 1
    for bound in (found.lower, found.upper):
        if abs(bound) < 1 - 1e-9:
            assert abs(score(gains, losses, n, bound)) == pytest.approx(1.959964, abs=1e-4)


def score(gains: int, losses: int, n: int, delta: float) -> float:
    """The score statistic, the nuisance parameter found by searching for the largest likelihood."""
    low, high = max(0.0, -delta), (1 - delta) / 2
    for _ in range(200):  # golden section: the likelihood has one maximum
        a, b = low + 0.382 * (high - low), low + 0.618 * (high - low)
        if likelihood(gains, losses, n, delta, a) > likelihood(gains, losses, n, delta, b):
            high = b
        else:
            low = a
    share = (low + high) / 2
    return (gains - losses - n * delta) / np.sqrt(n * (2 * share + delta - delta**2))


def likelihood(gains: int, losses: int, n: int, delta: float, share: float) -> float:
    """Log-likelihood of the table when losses have this share and gains `share + delta`."""
    terms = [(gains, share + delta), (losses, share), (n - gains - losses, 1 - 2 * share - delta)]
    return float(sum(k * np.log(max(p, 1e-300)) for k, p in terms if k))


def test_without_a_flip_there_is_still_an_interval() -> None:
    """No discordant pair: p = 1, delta 0, and bounds that shrink with n."""
    found = paired_change([True, False] * 50, [True, False] * 50)
    assert (found.delta, found.p, found.losses, found.gains, found.n) == (0, 1, 0, 0, 100)
    assert (found.lower, found.upper) == pytest.approx((-3.8415 / 103.8415, 3.8415 / 103.8415), abs=1e-4)


def test_one_question() -> None:
    """A single question that stays, and one that flips: nothing is certain, nothing breaks."""
    stays, lost = paired_change([True], [True]), paired_change([True], [False])
    assert (stays.delta, stays.p, lost.delta, lost.p) == (0, 1, -1, 1)
    assert lost.lower == -1
    assert lost.upper > 0
    assert stays.before.upper == 1


@pytest.mark.parametrize("n", [2, 10, 800])
def test_all_flipped(n: int) -> None:
    """Every question lost: the lower bound is -1, the upper one what the score test allows."""
    found = paired_change(np.ones(n, bool), np.zeros(n, bool))
    assert (found.delta, found.lower) == (-1, -1)
    assert found.upper == pytest.approx((3.8415 - n) / (3.8415 + n), abs=1e-4)
    assert found.p == pytest.approx(min(1, 2 * 0.5**n))


def test_nothing_compared_is_nan() -> None:
    """No question: no number is made up."""
    found = paired_change([], [])
    assert found.n == 0
    assert np.isnan([found.delta, found.lower, found.upper, found.before.estimate]).all()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_swapping_before_and_after_negates_the_change(pairs: list[tuple[bool, bool]]) -> None:
    """Delta and its bounds change sign and place; p stays."""
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there, back = paired_change(before, after), paired_change(after, before)
    np.testing.assert_allclose(
        [there.delta, there.lower, there.upper], [-back.delta, -back.upper, -back.lower], atol=1e-9
    )
    assert there.p == back.p
    assert (there.losses, there.gains, there.before) == (back.gains, back.losses, back.after) or not pairs


def test_the_mean_change_equals_scipy() -> None:
    """Student's interval of the mean; one difference has none, equal ones have no width."""
    values = np.random.default_rng(3).normal(-0.1, 0.5, 40)
    found, theirs = mean_change(values), ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx((theirs.low, theirs.high))
    assert np.isnan(mean_change([0.3]).lower)
    assert (mean_change([0.0, 0.0]).lower, mean_change([0.0, 0.0]).upper) == (0, 0)
    assert np.isnan(mean_change([]).mean)
