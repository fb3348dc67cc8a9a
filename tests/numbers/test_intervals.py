"""Wilson's interval against scipy, and Kish's effective sample size on known cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from moe_core.numbers.intervals import effective_sample_size, proportion_95, wilson_95


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 30), (15, 30), (30, 30), (7, 14_042), (14_042, 14_042)])
def test_wilson_equals_scipy(right: int, n: int) -> None:
    """The closed form gives scipy's interval."""
    ours, theirs = proportion_95(right, n), binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert ours.lower == pytest.approx(theirs.low, abs=1e-12)
    assert ours.upper == pytest.approx(theirs.high, abs=1e-12)


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_its_estimate(case: tuple[int, int]) -> None:
    """The estimate lies inside, the bounds inside 0..1, and they equal scipy's."""
    right, n = case
    ours = proportion_95(right, n)
    theirs = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert 0 <= ours.lower <= ours.estimate <= ours.upper <= 1
    np.testing.assert_allclose([ours.lower, ours.upper], [theirs.low, theirs.high], atol=1e-11)


def test_wilson_works_on_arrays() -> None:
    """Shape is kept; n = 0 gives NaN and disturbs no neighbour."""
    interval = wilson_95([[0.5, np.nan], [1.0, 0.25]], [[10, 0], [3, 8]])
    assert interval.lower.shape == (2, 2)
    assert np.isnan(interval.lower[0, 1])
    assert np.isnan(interval.upper[0, 1])
    assert np.isfinite(np.delete(interval.upper.ravel(), 1)).all()


def test_nothing_observed_is_nan() -> None:
    """0 of 0 has no estimate and no interval."""
    nothing = proportion_95(0, 0)
    assert np.isnan([nothing.estimate, nothing.lower, nothing.upper]).all()


def test_effective_sample_size_of_equal_weights_is_their_number() -> None:
    """Seven weights of 0.3 count as seven; one that outweighs all counts as about one; none as zero."""
    sizes = effective_sample_size([7 * 0.3, 100.002, 0], [7 * 0.09, 10_000.000002, 0])
    np.testing.assert_allclose(sizes, [7, 1.00004, 0], rtol=1e-6)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=50))
def test_effective_sample_size_never_exceeds_the_number(weights: list[float]) -> None:
    """Unequal weights only lose information."""
    size = effective_sample_size(sum(weights), sum(w * w for w in weights))
    assert 1 - 1e-9 <= size <= len(weights) + 1e-9
