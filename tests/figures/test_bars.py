"""The description of bars: where its axis ends, and where values stand on it."""

from math import isnan, nan

import pytest

from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.curves import Reference


def test_the_axis_ends_where_everything_fits() -> None:
    """Values, ends of intervals, references of rows and of all; what is given counts before that."""
    rows = (BarRow("a", 1.0, "", upper=2.0), BarRow("b", nan, "", reference=3.0))
    assert BarFigure(rows).end == 3.0
    assert BarFigure(rows, (Reference(4.0, "chance"),)).end == 4.0
    assert BarFigure(rows, largest=1.5).end == 1.5


@pytest.mark.parametrize("rows", [(), (BarRow("none", nan, ""),), (BarRow("nothing", 0.0, "0"),)])
def test_an_axis_has_a_length_even_where_nothing_stands_on_it(rows: tuple[BarRow, ...]) -> None:
    """Never used experts have shares of 0: their bars have no width, and no division fails."""
    assert BarFigure(rows).end == 1.0
    assert BarFigure(rows).share_of(0.0) == 0.0


def test_values_stand_within_the_axis() -> None:
    """As shares of its length; what lies beyond stands at its ends, and nothing has no place."""
    figure = BarFigure((), lowest=-10.0, largest=0.0)
    assert [figure.share_of(value) for value in (-10.0, -2.5, 0.0, 7.0, -11.0)] == [0.0, 0.75, 1.0, 1.0, 0.0]
    assert isnan(figure.share_of(nan))
