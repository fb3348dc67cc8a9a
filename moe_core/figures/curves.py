"""What a curve plot draws, as frozen values: curves with bands over whole numbers, reference lines, shaded ranges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.numbers.formatting import short

FloatArray = NDArray[np.float64]
Marker = Literal["dot", "circle", "square", "diamond", "triangle", "down", "cross", "plus", "bar"]


@dataclass(frozen=True)
class Style:
    """How a curve is told apart where colour is not enough: `dash` in line widths (empty: solid), and its marker.

    `band` is drawn always, or only while the curve is pointed at, which keeps many curves readable.
    """

    dash: tuple[float, ...] = ()
    marker: Marker = "dot"
    width: float = 1.6
    band: Literal["always", "pointed"] = "always"


@dataclass(frozen=True, eq=False)
class Curve:
    """One line. `x` are whole numbers, ascending; NaN in `mean` is a gap, NaN in `low` and `high` no band.

    `colour` is a hexadecimal one; empty is the colour of text, whatever that is.
    """

    name: str
    x: NDArray[np.intp]
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    colour: str
    style: Style
    n: int


@dataclass(frozen=True)
class Reference:
    """A dashed grey line at a value, with its label."""

    value: float
    label: str


@dataclass(frozen=True)
class Range:
    """A shaded range of values, with its label."""

    low: float
    high: float
    label: str


def plain_readout(curve: Curve, place: int) -> str:
    """The value of a curve at a place of its x."""
    return short(float(curve.mean[place]))


@dataclass(frozen=True, eq=False)
class CurveFigure:
    """A whole plot. `selected` is the x that is marked; `floor` the value that nothing lies below.
    Without `to_references` the axis fits the curves alone, and a reference beyond it is named at its end.

    `readout` gives a curve's values at one place as text; it stands beside the curve's name. `title`
    says what the plot is of, for readers that do not see it.
    """

    curves: tuple[Curve, ...] = ()
    x_name: str = ""
    x_title: str = ""
    y_title: str = ""
    references: tuple[Reference, ...] = ()
    ranges: tuple[Range, ...] = ()
    selected: int | None = None
    from_zero: bool = False
    to_references: bool = True
    floor: float | None = None
    readout: Callable[[Curve, int], str] = plain_readout
    title: str = ""

    @property
    def x_values(self) -> list[int]:
        return sorted({int(x) for curve in self.curves for x in curve.x})


def value_range(chart: CurveFigure, curves: Sequence[Curve]) -> tuple[float, float]:
    """Lowest and highest value to show: everything that `curves`, references and ranges reach, and some air."""
    arrays = [array for curve in curves for array in (curve.mean, curve.low, curve.high)]
    values = np.concatenate([np.zeros(0), *arrays])
    marks = [end for span in chart.ranges for end in (span.low, span.high)]
    if chart.to_references or not np.isfinite(values).any():
        marks += [line.value for line in chart.references]
    values = np.concatenate([values[np.isfinite(values)], np.array(marks, np.float64)])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    air = 0.06 * (high - low)
    low, high = low - air, high + air
    if chart.floor is not None:
        low = max(low, chart.floor)
    return (min(0.0, low) if chart.from_zero else low), high
