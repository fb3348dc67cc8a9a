"""The curve of one number for each layer, with an interval where there is one."""

from collections.abc import Sequence

import numpy as np

from moe_core.analyses.analysis import FloatArray
from moe_core.figures.colour.colours import BASELINE
from moe_core.figures.curves import Curve, CurveFigure, Reference, Style


def layer_curve(
    layers: Sequence[int],
    values: FloatArray,
    y_title: str,
    *,
    bounds: tuple[FloatArray, FloatArray] | None = None,
    references: tuple[Reference, ...] = (),
    title: str = "",
) -> CurveFigure:
    """`values` [L] over the model's own layer numbers; `bounds` are the interval's ends [L]."""
    nothing = np.full(len(values), np.nan)
    low, high = bounds or (nothing, nothing)
    style = Style(marker="circle")
    curve = Curve("this model", np.array(layers, np.intp), values, low, high, BASELINE, style, len(layers))
    return CurveFigure((curve,), "layer", "layer", y_title, references, title=title or f"{y_title} by layer")
