"""Numbers read as a paper prints them."""

import pytest

from moe_core.numbers.formatting import (
    counted,
    data_size,
    elide,
    finite,
    finite_bounds,
    fixed,
    mean_and_std,
    nats_with_interval,
    p_number,
    p_value,
    percent,
    percent_with_interval,
    points,
    points_interval,
    points_number,
    points_number_with_interval,
    points_with_interval,
    short,
    significant,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (1.0, "1.00"), (1.98, "1.98"), (0.0513, "0.0513"), (9.999, "10.0"), (-0.5, "−0.500")),
        *((1234.5, "1,234"), (99.95, "100"), (0.00012345, "0.000123"), (3.2e-7, "3.20e−07"), (float("nan"), "–")),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    """Also where rounding adds a digit, and for what is not a number."""
    assert significant(value) == text


def test_a_sign_only_where_there_is_something() -> None:
    """The mathematical minus, in exponents too; a plus where it is asked for; none before what rounds to nothing."""
    assert [significant(value, signed=True) for value in (0.0513, -0.0513, 0.0)] == ["+0.0513", "−0.0513", "0"]
    assert [fixed(value, 1) for value in (-0.04, -2.26, 1234.56)] == ["0.0", "−2.3", "1,234.6"]
    assert [fixed(value, 1, signed=True) for value in (0.04, 2.26, float("nan"))] == ["0.0", "+2.3", "–"]
    assert [short(value) for value in (2.0, 0.25, -0.00001234, 12345.0)] == ["2", "0.25", "−1.23e−05", "1.23e+04"]
    assert short(0.123456, 4, signed=True) == "+0.1235"


def test_percentages() -> None:
    """One decimal, the interval in brackets, a dash for nothing."""
    assert percent(0.7123) == "71.2 %"
    assert percent_with_interval(0.7123, 0.681, 0.741) == "71.2 % [68.1, 74.1]"
    assert percent_with_interval(float("nan"), float("nan"), float("nan")) == "–"


def test_differences_of_shares_are_signed_points() -> None:
    """A plus where something was won, no minus before a zero."""
    assert points(-0.0217) == "−2.2 points"
    assert points(0.01) == "+1.0 points"
    assert points(-0.0001) == "0.0 points"
    assert points(float("nan")) == points_number(float("nan")) == "–"
    assert [points_number(delta) for delta in (-0.0217, 0.01, 0.0)] == ["−2.2", "+1.0", "0.0"]
    assert points_interval(-0.039, 0.005) == "[−3.9, +0.5]"
    assert points_interval(float("nan"), 0.1) == ""
    assert points_with_interval(-0.022, -0.039, -0.005) == "−2.2 points [−3.9, −0.5]"
    assert points_number_with_interval(-0.022, -0.039, -0.005) == "−2.2 [−3.9, −0.5]"
    assert points_with_interval(-0.022, float("nan"), float("nan")) == "−2.2 points"


def test_changes_of_log_probabilities_are_signed_nats() -> None:
    """With their interval, where there is one."""
    assert nats_with_interval(-0.0513, -0.071, 0.032) == "−0.0513 [−0.0710, +0.0320] nats"
    assert nats_with_interval(0.0, float("nan"), float("nan")) == "0 nats"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0123, "p = 0.012"), (0.0004, "p < 0.001"), (1.0, "p = 1"), (0.5, "p = 0.50"), (0.997, "p = 1")]
)
def test_p_values(p: float, text: str) -> None:
    """Two digits, never a zero, never an exponent."""
    assert p_value(p) == text
    assert text in (f"p = {p_number(p)}", f"p {p_number(p)}")


def test_mean_and_std() -> None:
    """The spread has one decimal more than the mean."""
    assert mean_and_std(1.984, 0.0513) == "1.98 ± 0.051"


def test_elide_keeps_both_ends() -> None:
    """Long names keep what tells them apart, and never exceed the length."""
    assert elide("short", 10) == "short"
    assert elide("high_school_government_and_politics", 15) == "high_sc…olitics"


def test_counts_and_sizes() -> None:
    """Thousands are separated, one is no plural, and sizes have the larger unit from a billion on."""
    assert [counted(n, "question") for n in (0, 1, 14_042)] == ["0 questions", "1 question", "14,042 questions"]
    assert [data_size(n) for n in (5_610_000, 13_840_000_000)] == ["5.61 MB", "13.8 GB"]


def test_scripts_get_numbers() -> None:
    """And nothing where there is none: JSON has no word for it."""
    assert (finite(0.1), finite(float("nan")), finite(float("inf"))) == (0.1, None, None)
    assert finite_bounds(0.1, 0.2) == [0.1, 0.2]
    assert finite_bounds(0.1, float("nan")) is None
