"""Where the neurons of a layer lie in the plane of their two principal components (S7 of arXiv 2406.18219).

Each neuron of every expert is a sample; columns are standardised. Two passes over the file: one for the sums that
give the components, one for the neurons that are shown. https://arxiv.org/abs/2406.18219
"""

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.layer_choice import chosen_places
from moe_core.analyses.static.components import OUTLIERS, turned, without_outliers
from moe_core.analyses.static.cosine import PAPER
from moe_core.figures.colour.colour_scale import hex_colour
from moe_core.figures.scatter import ScatterFigure, ScatterGroup
from moe_core.models.weights.expert_weights import ExpertWeights
from moe_core.models.weights.matrix import ExpertMatrix
from moe_core.numbers.formatting import count

SHOWN_NEURONS = 4_096
"""Neurons of a layer that are kept, evenly spread over its experts; the components are those of all."""


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Keys up, gate and down [L, E, n, 2]: n neurons of each expert; explained_up .. [L, 2].

    With `drop_outliers`, those among the kept that DBSCAN calls noise are NaN; the components are those of all neurons.
    """
    layers = [weights.layers[place] for place in chosen_places([each.layer for each in weights.layers], options)]
    done, total = 0, 2 * len(layers) * len(weights.matrices) * weights.n_experts
    width = layers[0].experts["down"][0].shape[0]
    kept = _evenly(width, max(1, SHOWN_NEURONS // weights.n_experts))
    values: dict[str, FloatArray] = {}
    dropped = 0
    for name in weights.matrices:
        points, explained = [], []
        for layer in layers:
            sums = _Sums()
            for matrix in layer.experts[name]:
                sums.add(matrix)
                done += 1
                yield Step(done, total, "experts")
            axes, share = sums.components()
            shown = []
            for matrix in layer.experts[name]:
                shown.append(sums.project(matrix.neurons()[kept], axes))
                done += 1
                yield Step(done, total, "experts")
            place = np.stack(shown)  # [E, n, 2]
            if options.drop_outliers:
                rest, n = without_outliers(place.reshape(-1, 2), layer.experts[name][0].shape[1])
                place, dropped = rest.reshape(place.shape), dropped + n
            points.append(place)
            explained.append(share)
        values[name], values[f"explained_{name}"] = np.stack(points), np.stack(explained)
    notes = [] if len(kept) == width else [f"{count(len(kept))} of {count(width)} neurons of each expert are kept."]
    notes += [f"{count(dropped)} {OUTLIERS}"] if options.drop_outliers else []
    labels = {"neuron": tuple(map(str, kept.tolist()))}
    axes_names = ("layer", "expert", "neuron", "component")
    return AnalysisValues(
        tuple(layer.layer for layer in layers), axes_names, "standard deviations", values, labels, tuple(notes)
    )


class _Sums:
    """Sums over all neurons of a layer: of each column [H], and of the products of two [H, H]."""

    def __init__(self) -> None:
        self._n = 0
        self._sum: FloatArray = np.zeros(0)
        self._products: FloatArray = np.zeros((0, 0))

    def add(self, matrix: ExpertMatrix) -> None:
        rows = matrix.neurons()  # [I, H]
        if not self._n:
            self._sum, self._products = np.zeros(rows.shape[1]), np.zeros((rows.shape[1],) * 2)
        self._n += len(rows)
        self._sum += rows.sum(axis=0, dtype=np.float64)
        self._products += rows.T @ rows

    def components(self) -> tuple[FloatArray, FloatArray]:
        """The two axes [H, 2] of standardised columns, and their shares of the variance [2]."""
        std = self._std()
        covariance = (self._products - np.outer(self._sum, self._sum) / self._n) / max(self._n - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.nan_to_num(covariance / np.outer(std, std), posinf=0.0, neginf=0.0)
        power, vectors = np.linalg.eigh(correlation)
        top = np.argsort(-power)[:2]
        return turned(vectors[:, top]), np.maximum(power[top], 0) / max(power.sum(), np.finfo(float).tiny)

    def project(self, rows: NDArray[np.float32], axes: FloatArray) -> FloatArray:
        """Places of some neurons on the axes [n, 2]."""
        std = self._std()
        centred = rows - self._sum / self._n
        return np.asarray(np.divide(centred, std, out=np.zeros_like(centred), where=std > 0) @ axes)

    def _std(self) -> FloatArray:
        squares = np.diag(self._products) - self._sum**2 / self._n
        return np.asarray(np.sqrt(np.maximum(squares, 0) / max(self._n - 1, 1)))


def _evenly(n: int, at_most: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(np.intp))


def figure(found: AnalysisValues, shown: Shown) -> ScatterFigure:
    """The neurons of one layer, coloured by expert; those of the selected expert are marked and named."""
    name = shown.key.removeprefix("explained_")
    points = found.values[name][shown.place]  # [E, n, 2]
    neurons = found.labels["neuron"]
    groups = [
        ScatterGroup(
            f"expert {expert}" if expert == shown.expert else "",
            points[expert],
            tuple(f"expert {expert}, neuron {neuron}" for neuron in neurons),
            hex_colour("viridis", expert / max(len(points) - 1, 1)),
            "diamond" if expert == shown.expert else "dot",
        )
        for expert in range(len(points))
    ]
    groups.sort(key=lambda group: bool(group.name))  # the selected one last, over the others
    title = f"Neurons by {name} weights, layer {found.layers[shown.place]}"
    return ScatterFigure(tuple(groups), "component 1", "component 2", title=title)


NEURON_PCA = Analysis(
    name="neuron-pca",
    title="Neurons in two dimensions",
    question="Do the neurons of an expert lie together, or do all experts' neurons mix?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=("drop_outliers",),
    compute=compute,
    figure=figure,
)
