"""Quick picks: which experts they take, known by hand."""

import numpy as np
import pytest

from app.views.what_if import quick_picks

NAN = float("nan")
VALUES = np.array([[0.5, NAN, 0.1, 0.9], [0.2, 0.2, 0.2, 0.2]])


def test_never_used() -> None:
    """Those with no token at all."""
    assert quick_picks.never_used(np.array([[0.0, 3, 1], [2, 0, 0]])) == {(0, 0), (1, 1), (1, 2)}


def test_lowest_and_highest_go_layer_by_layer() -> None:
    """Of equal ones the first; one without a value is neither low nor high."""
    assert quick_picks.lowest(VALUES, 2) == {(0, 2), (0, 0), (1, 0), (1, 1)}
    assert quick_picks.highest(VALUES, 1) == {(0, 3), (1, 0)}
    assert quick_picks.lowest(VALUES, 4) == {(0, 0), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)}


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_all_but_the_highest_leave_exactly_so_many(n: int) -> None:
    """Also where fewer have a value: those without one are the first to go."""
    left = quick_picks.inverted(quick_picks.all_but_highest(VALUES, n), 2, 4)
    assert [sum(layer == at for layer, _ in left) for at in range(2)] == [n, n]
    assert (0, 3) in left
    assert ((0, 1) in left) == (n == 4)


def test_inverting_twice_gives_the_same() -> None:
    """And the two have nothing in common."""
    some = frozenset({(0, 1), (1, 2)})
    others = quick_picks.inverted(some, 2, 4)
    assert len(others) == 6
    assert not some & others
    assert quick_picks.inverted(others, 2, 4) == some


def test_a_layer_row_is_every_expert_of_it() -> None:
    """And of no other."""
    assert quick_picks.layer_row(3, 3) == {(3, 0), (3, 1), (3, 2)}


def test_random_ones_are_seeded_and_as_many_in_each_layer() -> None:
    """The same seed the same ones, another seed others."""
    drawn = quick_picks.at_random(5, 8, 32, seed=4)
    assert drawn == quick_picks.at_random(5, 8, 32, seed=4)
    assert drawn != quick_picks.at_random(5, 8, 32, seed=5)
    assert [sum(layer == at for layer, _ in drawn) for at in range(8)] == [5] * 8
