"""Cosines between the rows of a matrix, and how every similarity of experts is laid out, named and drawn.

Axes: L layers, E experts, S shared experts.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import AnalysisValues, FloatArray, Shown
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.models.weights.expert_weights import MATRICES, LayerWeights, MatrixName
from moe_core.models.weights.matrix import ExpertMatrix

PAPER = "https://arxiv.org/abs/2406.18219"
SHARED = "_shared"
"""Ends the key of what is between shared experts (rows) and routed ones (columns)."""


def cosines_of_gram(gram: FloatArray) -> FloatArray:
    """Cosines [n, n] from inner products [n, n]; NaN beside a row that is all zeros."""
    norms = np.sqrt(np.diag(gram))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(gram / np.outer(norms, norms), -1.0, 1.0))


def cosines(rows: NDArray[np.floating]) -> FloatArray:
    """Cosines between every two rows [n, n]."""
    wide = rows.astype(np.float64)
    return cosines_of_gram(wide @ wide.T)


def comparable(layer: LayerWeights, name: MatrixName) -> tuple[ExpertMatrix, ...]:
    """The experts' matrices, and behind them those of shared experts where they have the same shape."""
    experts, shared = layer.experts[name], layer.shared.get(name, ())
    return experts + tuple(each for each in shared if each.shape == experts[0].shape)


def with_shared(
    key: str, by_layer: Sequence[FloatArray], n_experts: int, values: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """`values` and `by_layer`, each [E + S, E + S]: as `key` [L, E, E] and, where S > 0, as `key_shared` [L, S, E]."""
    whole = np.stack(by_layer)
    found = dict(values) | {key: whole[:, :n_experts, :n_experts]}
    if whole.shape[1] > n_experts:
        found[key + SHARED] = whole[:, n_experts:, :n_experts]
    return found


def similarity_map(found: AnalysisValues, shown: Shown, what: str) -> HeatMapFigure:
    """The heat map of one layer, E x E; shared experts are more rows, named F as in the paper."""
    values, layer = found.values[shown.key][shown.place], found.layers[shown.place]
    shared = found.values.get(shown.key + SHARED)
    what = what if not shown.key.startswith("tau_") else "Kendall's tau of the order after the match"
    title = f"{what}{_named(shown.key)}, layer {layer}"
    if shared is None:
        return pair_map(values, title, found.unit, selected=shown.expert)
    rows = shared[shown.place]
    numbers = tuple(map(str, range(len(values))))
    marks = ("F",) if len(rows) == 1 else tuple(f"F{n}" for n in range(len(rows)))
    both = np.vstack([values, rows])
    return pair_map(both, title, found.unit, names=(*numbers, *marks), selected=shown.expert, column_names=numbers)


def _named(key: str) -> str:
    name = key.removeprefix("tau_")
    return f", {name}" if name in MATRICES else ""


def shared_note(layers: Sequence[LayerWeights]) -> tuple[str, ...]:
    """Says that shared experts are left out, where they are wider or narrower than routed ones."""
    first = layers[0]
    shared = first.shared.get("down", ())
    if not shared or shared[0].shape == first.experts["down"][0].shape:
        return ()
    return (
        f"The shared expert has {shared[0].shape[0]:,} neurons and a routed one "
        f"{first.experts['down'][0].shape[0]:,}: only averaged over neurons can they be compared.",
    )
