"""What a scatter plot shows: points in two dimensions, in groups that are told apart by colour and marker."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.curves import Marker

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScatterGroup:
    """`points` [n, 2]; `texts` [n] say what each is, and are written beside it where there is room."""

    name: str
    points: FloatArray
    texts: tuple[str, ...]
    colour: str
    marker: Marker = "dot"


@dataclass(frozen=True, eq=False)
class ScatterFigure:
    """A whole plot. `labelled`: the texts stand beside the points, which are few."""

    groups: tuple[ScatterGroup, ...] = ()
    x_title: str = ""
    y_title: str = ""
    labelled: bool = False
    title: str = ""

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ends of both axes: all points and some air."""
        points = np.concatenate([np.zeros((0, 2)), *(group.points for group in self.groups)])
        return _ends(points[:, 0]), _ends(points[:, 1])


def _ends(values: FloatArray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air
