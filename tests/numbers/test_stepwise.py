"""Values made in steps: once, by whoever comes first, and without starting again."""

import pytest

from moe_core.numbers.stepwise import Steps, Stepwise, in_turn


def test_who_goes_on_begins_where_another_one_stopped() -> None:
    """Two who look at the same value share the work; it is done once."""
    done = []

    def make() -> Steps[int]:
        for step in range(4):
            done.append(step)
            yield (step + 1) / 4
        return 42

    value = Stepwise(make)
    assert not value.is_made
    one = value.steps()
    assert [next(one), next(one)] == [0.25, 0.5]
    assert next(value.steps()) == 0.75
    assert value.value == 42
    assert value.is_made
    assert (list(one), list(value.steps()), done) == ([], [], [0, 1, 2, 3])


def test_what_fails_says_so_each_time_and_may_go_well_later() -> None:
    """A disk may be there again."""
    is_there = False

    def make() -> Steps[int]:
        yield 0.5
        if not is_there:
            raise ValueError("gone")
        return 7

    value = Stepwise(make)
    for _ in range(2):
        with pytest.raises(ValueError, match="gone"):
            _ = value.value
    assert not value.is_made
    is_there = True
    assert value.value == 7


def test_work_in_turn_tells_the_share_of_all_of_it() -> None:
    """Each part counts alike, and begins when the one before has ended."""
    assert list(in_turn(lambda: (0.5, 1.0), lambda: (), lambda: (1.0,), lambda: (0.5,))) == [0.125, 0.25, 0.75, 0.875]
