"""A value that takes long: made in steps, by whoever asks first, and only once."""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")
Steps = Generator[float, None, Value]
"""Yields the share done, 0..1, after each step, and returns the value."""


class Stepwise(Generic[Value]):
    """Who wants it now asks for `value`; who has something else to do meanwhile goes through `steps` instead.

    Whoever stops in the middle has lost nothing: the next one goes on there. After a failure it begins anew.
    """

    def __init__(self, make: Callable[[], Steps[Value]]) -> None:
        self._make: Callable[[], Steps[Value]] | None = make
        self._steps: Steps[Value] | None = make()
        self._value: Value | None = None

    def steps(self) -> Iterator[float]:
        """The shares done, after each step; nothing where it is made already."""
        while self._steps is not None:
            try:
                share = next(self._steps)
            except StopIteration as stop:
                self._value, self._steps, self._make = stop.value, None, None  # who made it may hold it: no circle
                return
            except Exception:
                assert self._make is not None
                self._steps = self._make()
                raise
            yield share

    @property
    def is_made(self) -> bool:
        """Whether nobody need wait for it."""
        return self._steps is None

    @property
    def value(self) -> Value:
        """The value, made now where it was not."""
        for _ in self.steps():
            pass
        assert self._value is not None
        return self._value


def in_turn(*parts: Callable[[], Iterable[float]]) -> Iterator[float]:
    """The shares done of several pieces of work, one after the other; each begins when the one before it has ended."""
    for number, begin in enumerate(parts):
        for share in begin():
            yield (number + share) / len(parts)
