"""Numbers read as a paper prints them."""

import pytest

from moe_core.numbers.formatting import (
    elide,
    mean_and_std,
    p_number,
    p_value,
    percent,
    percent_with_interval,
    points,
    points_interval,
    points_number,
    significant,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (1.0, "1.00"), (1.98, "1.98"), (0.0513, "0.0513"), (9.999, "10.0"), (-0.5, "-0.500")),
        *((1234.5, "1,234"), (99.95, "100"), (0.00012345, "0.000123"), (3.2e-7, "3.20e-07"), (float("nan"), "–")),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    """Also where rounding adds a digit, and for what is not a number."""
    assert significant(value) == text


def test_percentages() -> None:
    """One decimal, the interval in brackets, a dash for nothing."""
    assert percent(0.7123) == "71.2 %"
    assert percent_with_interval(0.7123, 0.681, 0.741) == "71.2 % [68.1, 74.1]"
    assert percent_with_interval(float("nan"), float("nan"), float("nan")) == "–"


def test_differences_of_shares_are_signed_points() -> None:
    """A plus where something was won, no minus before a zero."""
    assert points(-0.0217) == "-2.2 points"
    assert points(0.01) == "+1.0 points"
    assert points(-0.0001) == "0.0 points"
    assert points(float("nan")) == points_number(float("nan")) == "–"
    assert [points_number(delta) for delta in (-0.0217, 0.01, 0.0)] == ["-2.2", "+1.0", "0.0"]
    assert points_interval(-0.039, 0.005) == "[-3.9, +0.5]"
    assert points_interval(float("nan"), 0.1) == ""


@pytest.mark.parametrize(
    ("p", "text"), [(0.0123, "p = 0.012"), (0.0004, "p < 0.001"), (1.0, "p = 1"), (0.5, "p = 0.50"), (0.997, "p = 1")]
)
def test_p_values(p: float, text: str) -> None:
    """Two digits, never a zero, never an exponent."""
    assert p_value(p) == text
    assert p_number(p) == text.removeprefix("p ").removeprefix("= ")


def test_mean_and_std() -> None:
    """The spread has one decimal more than the mean."""
    assert mean_and_std(1.984, 0.0513) == "1.98 ± 0.051"


def test_elide_keeps_both_ends() -> None:
    """Long names keep what tells them apart, and never exceed the length."""
    assert elide("short", 10) == "short"
    assert elide("high_school_government_and_politics", 15) == "high_sc…olitics"
