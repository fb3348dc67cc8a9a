"""How values become colours: a colour map between two ends, linear or logarithmic."""

from dataclasses import dataclass, replace
from math import ceil, floor, log10
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.colour.colour_maps import ON_DARK, colour_table

FloatArray = NDArray[np.float64]
RangeMode = Literal["full", "robust", "manual"]

ROBUST_PERCENT = (2.0, 98.0)
_MANTISSAS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class ColourScale:
    """Values at or below `low` have the map's first colour, those at or above `high` its last; low < high.

    With `is_log`, low > 0, and what is 0 or less has the first colour too.
    """

    map_name: str
    low: float
    high: float
    is_log: bool = False

    def places(self, values: FloatArray) -> FloatArray:
        """Where values, of any shape, stand between the ends, clipped to 0..1; NaN stays NaN."""
        if not self.is_log:
            places: FloatArray = (values - self.low) / (self.high - self.low)
        else:
            positive = np.where(values <= 0, self.low, values)
            places = np.log(positive / self.low) / np.log(self.high / self.low)
        return np.clip(places, 0.0, 1.0)

    def rgb(self, values: FloatArray) -> NDArray[np.uint8]:
        """Colours [.., 3] of values; those of NaN mean nothing."""
        places = np.nan_to_num(self.places(np.asarray(values, np.float64)))
        return colour_table(self.map_name)[np.rint(places * 255).astype(np.intp)]

    def on_dark(self) -> "ColourScale":
        """The same on a dark ground, where the middle of a diverging map is dark."""
        return replace(self, map_name=ON_DARK.get(self.map_name, self.map_name))

    def value_at(self, place: float) -> float:
        """The value that stands at a place 0..1."""
        if self.is_log:
            return float(self.low * (self.high / self.low) ** place)
        return self.low + place * (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Round values to write at a colour bar, about `most` of them; of fewer than three the ends."""
        found = (_log_ticks if self.is_log else _linear_ticks)(self.low, self.high, most) if most > 2 else []
        middle = [0.0] if self.low < 0 < self.high else []
        return found if len(found) > 1 else [self.low, *middle, self.high]


def value_range(
    values: FloatArray, mode: Literal["full", "robust"], *, is_signed: bool, is_log: bool
) -> tuple[float, float]:
    """Ends for the colours of values: all of them, or without the outermost 2 % on either side.

    Around 0 for signed values; of the positive ones alone for a logarithmic scale. Ends never coincide.
    """
    shown = values[np.isfinite(values)]
    if is_log:
        shown = shown[shown > 0]
    if is_signed:
        shown = np.abs(shown)
    if not shown.size:
        return (-1.0, 1.0) if is_signed else (0.01, 1.0)
    ends = np.percentile(shown, ROBUST_PERCENT) if mode == "robust" else np.array([shown.min(), shown.max()])
    low, high = (-ends[1], ends[1]) if is_signed else (ends[0], ends[1])
    return _apart(float(low), float(high))


def hex_colour(map_name: str, place: float) -> str:
    """The colour at a place 0..1 of a map (clipped) as #rrggbb."""
    return "#" + bytes(colour_table(map_name)[round(min(max(place, 0.0), 1.0) * 255)]).hex()


def is_usable_range(low: float, high: float, *, is_log: bool) -> bool:
    """Whether a scale can stand between these ends."""
    return bool(np.isfinite([low, high]).all()) and low < high and (low > 0 or not is_log)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The ends, pulled apart where all values are the same: no colour would stand between them."""
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    return (low * 0.9, low * 1.1) if low > 0 else (low - 0.1, high + 0.1)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / max(most, 1)
    power = 10.0 ** floor(log10(raw))
    step = next(mantissa * power for mantissa in _MANTISSAS if mantissa * power >= raw * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    for mantissas in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [m * 10.0**d for d in decades for m in mantissas if low * 0.999 <= m * 10.0**d <= high * 1.001]
        if len(found) <= most:
            return found
    return found[:: ceil(len(found) / max(most, 1))]
