"""A linear axis in pixels, and which round values to mark on it."""

from dataclasses import dataclass
from math import ceil, floor, log10

from moe_core.numbers.formatting import fixed


@dataclass(frozen=True)
class Axis:
    """Maps `low`..`high` onto the pixels `start`..`stop` (upwards when start > stop)."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.stop - self.start)

    def clipped(self, value: float) -> float:
        """The pixel of a value; values outside stand at the ends."""
        return self(min(max(value, self.low), self.high))

    def value_at(self, pixel: float) -> float:
        return self.low + (pixel - self.start) / ((self.stop - self.start) or 1.0) * (self.high - self.low)

    def ticks(self, spacing: float) -> list[tuple[float, str]]:
        """Round values inside the axis, at least `spacing` pixels apart, with labels of equally many decimals."""
        return round_ticks(self.low, self.high, max(1.0, abs(self.stop - self.start) / spacing))


def round_ticks(low: float, high: float, about: float = 5) -> list[tuple[float, str]]:
    """Round values (steps of 1, 2 or 5 times a power of ten) between the ends, with labels of equally many decimals."""
    step = round_step((high - low) / about)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    decimals = max(0, -floor(log10(step) + 1e-9))
    return [(number * step, fixed(number * step, decimals)) for number in range(first, last + 1)]


def round_step(rough: float) -> float:
    """The next step of 1, 2, 5 or 10 times a power of ten that is not below `rough`."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))
