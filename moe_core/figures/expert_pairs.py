"""The heat map of something between every two experts of a layer."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.colour.colour_maps import maps_for
from moe_core.figures.colour.colour_scale import ColourScale, value_range
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.numbers.formatting import short

FloatArray = NDArray[np.float64]


def pair_map(
    values: FloatArray,
    title: str,
    value_title: str,
    *,
    names: tuple[str, ...] = (),
    selected: int | None = None,
    is_signed: bool = False,
    axes: tuple[str, str] = ("expert", "expert"),
    column_names: tuple[str, ...] | None = None,
    blank_name: str = "not computed",
) -> HeatMapFigure:
    """`values` [rows, columns]; colours follow what lies off the diagonal, since 1 on it would hide all else.

    `names` label rows and columns where numbers do not, `selected` outlines the row of an expert.
    """
    columns = names if column_names is None else column_names
    is_square = values.shape[0] == values.shape[1] and column_names is None
    shown = values[~np.eye(len(values), dtype=bool)] if is_square else values
    low, high = value_range(shown, "full", is_signed=is_signed, is_log=False)
    cells = frozenset() if selected is None else frozenset((selected, column) for column in range(values.shape[1]))
    return HeatMapFigure(
        values=values,
        is_never_used=np.zeros(values.shape, np.bool_),
        scale=ColourScale(maps_for(is_signed=is_signed)[0], low, high),
        is_signed=is_signed,
        title=title,
        value_title=value_title,
        row_title=axes[0],
        column_title=axes[1],
        row_names=names,
        column_names=columns,
        blank_name=blank_name,
        selected=cells,
        describe=partial(_describe, values, (names, columns), (value_title, blank_name), axes),
    )


def _describe(
    values: FloatArray,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    words: tuple[str, str],
    axes: tuple[str, str],
    row: int,
    column: int,
) -> str:
    first, second = (of[at] if at < len(of) else str(at) for of, at in zip(names, (row, column), strict=True))
    value = values[row, column]
    said = words[1] if np.isnan(value) else short(float(value))
    return f"{axes[0]} {first}, {axes[1]} {second}\n{words[0]}: {said}"
