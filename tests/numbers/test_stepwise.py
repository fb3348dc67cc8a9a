"""Values made in steps: once, by whoever comes first, and without starting again."""

import pytest

from moe_core.numbers.stepwise import Steps, Stepwise


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


def test_what_fails_says_so_to_who_made_it() -> None:
    """And nobody waits for it afterwards."""

    def make() -> Steps[int]:
        yield 0.5
        raise ValueError("gone")

    value = Stepwise(make)
    with pytest.raises(ValueError, match="gone"):
        _ = value.value
