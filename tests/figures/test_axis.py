"""Axes: pixels of values, and round values to mark on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_core.figures.axis import Axis, round_ticks


def test_an_axis_maps_its_ends() -> None:
    """Linear between the ends, clipped beyond, and safe when both ends are the same."""
    axis = Axis(1.0, 3.0, 100.0, 0.0)
    assert [axis.clipped(value) for value in (1, 2, 3, 9, -9)] == [100, 50, 0, 0, 100]
    assert [axis(value) for value in (1, 4)] == [100, -50]
    assert Axis(2.0, 2.0, 10.0, 20.0)(2.0) == 10


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_and_few(low: float, width: float) -> None:
    """Every axis gets at most eleven ticks, all of them inside it."""
    ticks = [value for value, _ in round_ticks(low, low + width)]
    assert len(ticks) <= 11
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)


def test_ticks_of_a_share() -> None:
    """0 to 1 in steps of 0.2."""
    assert [text for _, text in round_ticks(0, 1)] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [value for value, _ in round_ticks(0, 1)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
