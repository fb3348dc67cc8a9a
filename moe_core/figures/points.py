"""What a chart of points with intervals draws, as frozen values: series over a scale, or over names."""

from dataclasses import dataclass

import numpy as np

from moe_core.figures.curves import Reference, Style

PointPlace = tuple[int, int]
"""Series, and point of the series."""


@dataclass(frozen=True)
class PointSeries:
    """Points in order of `x`; `lower` and `upper` bound each, NaN where nothing does. `texts` read each point out.

    `is_band`: the bounds are a range over several draws and are filled, not drawn as a bar at every point.
    """

    name: str
    x: tuple[float, ...]
    values: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    texts: tuple[str, ...]
    colour: str
    style: Style
    is_band: bool = False


@dataclass(frozen=True)
class PointFigure:
    """A whole chart. `names` label the places 0, 1, .. where x is no scale; series are joined by lines where it is.

    `title` says what the chart is of, for readers that do not see it.
    """

    series: tuple[PointSeries, ...] = ()
    x_title: str = ""
    y_title: str = ""
    reference: Reference | None = None
    names: tuple[str, ...] = ()
    title: str = ""

    @property
    def x_values(self) -> tuple[float, ...]:
        """Every x that a series has, ascending."""
        return tuple(sorted({x for series in self.series for x in series.x}))

    def x_range(self) -> tuple[float, float]:
        """Lowest and highest x, and some air."""
        if self.names:
            return -0.5, len(self.names) - 0.5
        values = self.x_values or (0.0, 1.0)
        air = 0.05 * (values[-1] - values[0]) or 0.5
        return values[0] - air, values[-1] + air

    def y_range(self) -> tuple[float, float]:
        """Lowest and highest value to show: points, bounds and reference, and some air."""
        arrays = [array for series in self.series for array in (series.values, series.lower, series.upper)]
        values = np.array([value for array in arrays for value in array], np.float64)
        marks = [] if self.reference is None else [self.reference.value]
        values = np.concatenate([values[np.isfinite(values)], np.array(marks, np.float64)])
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        air = 0.08 * (high - low) or 1.0
        return low - air, high + air

    def step(self, place: PointPlace, over_series: int, over_points: int) -> PointPlace:
        """The place that so many steps lead to; between series the x that is nearest."""
        if not self.series:
            return place
        at, point = place
        to = min(max(at + over_series, 0), len(self.series) - 1)
        if to != at:
            x = self.series[at].x[point]
            point = min(range(len(self.series[to].x)), key=lambda other: abs(self.series[to].x[other] - x))
        return to, min(max(point + over_points, 0), len(self.series[to].x) - 1)
