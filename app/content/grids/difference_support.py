"""What a grid shows of differences that may be noise: both sides, intervals, and which a corrected test supports.

Axes: L layers, E experts.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.metric import MetricValues
from moe_core.measures.support import Cell
from moe_core.numbers.formatting import count

_MOST_NAMED = 8


def unsupported(values: MetricValues) -> NDArray[np.bool_]:
    """Differences that their test does not support [L, E]; none where values are no differences."""
    supported = values.is_supported
    return np.zeros(values.values.shape, bool) if supported is None else ~supported & ~np.isnan(values.values)


def side_facts(values: MetricValues, cell: Cell, names: tuple[str, str], text: Callable[[float], str]) -> list[str]:
    """The two values that a cell's difference is between; nothing for other values."""
    if values.sides is None or np.isnan(values.values[cell]):
        return []
    return [f"{name} {text(float(side[cell]))}" for name, side in zip(names, values.sides, strict=True)]


def line_text(supported: NDArray[np.bool_], of: str) -> str:
    """Which of one layer's experts, or one expert's layers, are supported."""
    named = np.flatnonzero(supported).tolist()
    which = f": {', '.join(map(str, named[:_MOST_NAMED]))}{', …' * (len(named) > _MOST_NAMED)}" if named else ""
    return f"differences supported: {len(named)} of {len(supported)} {of}{which}"


def noise_note(values: MetricValues) -> str:
    """Why no difference has a colour; empty where one has."""
    if values.p is None or values.is_supported is None or values.is_supported.any():
        return ""
    n = int(np.isfinite(values.p).sum())
    return f"Chance explains every difference ({count(n)} tested)." if n else ""


def test_columns(values: MetricValues) -> dict[str, NDArray[np.generic]]:
    """The interval of each cell, and of differences whether they are supported, under the headings of a table."""
    columns: dict[str, NDArray[np.generic]] = {}
    if values.lower is not None and values.upper is not None:
        columns |= {"lower 95 %": values.lower, "upper 95 %": values.upper}
    if values.corrected_p is not None and values.is_supported is not None:
        columns |= {"corrected p": values.corrected_p, "supported": values.is_supported.astype(np.int8)}
    return columns
