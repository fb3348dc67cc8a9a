"""Where a layer's experts lie in the plane of their two principal components (S6 of arXiv 2406.18219).

Each expert's flattened matrix is a sample; columns are standardised. https://arxiv.org/abs/2406.18219
"""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.layer_choice import chosen_places
from moe_core.analyses.static.components import OUTLIERS, scores_of_gram, standardised, without_outliers
from moe_core.analyses.static.cosine import PAPER
from moe_core.figures.colour.colours import BASELINE, WHAT_IF
from moe_core.figures.scatter import ScatterFigure, ScatterGroup
from moe_core.models.weights.expert_weights import ExpertWeights
from moe_core.models.weights.slabs import n_slabs, slabs
from moe_core.numbers.formatting import count, percent


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Keys up, gate and down [L, E, 2], and explained_up .. [L, 2], the share of the variance of each component.

    With `drop_outliers`, what DBSCAN calls noise is NaN; the components are those of all experts.
    """
    layers = [weights.layers[place] for place in chosen_places([each.layer for each in weights.layers], options)]
    sizes = {name: n_slabs(layers[0].experts[name]) for name in weights.matrices}
    done, total = 0, len(layers) * sum(sizes.values())
    values: dict[str, FloatArray] = {}
    dropped = 0
    for name in weights.matrices:
        points, explained = [], []
        for layer in layers:
            matrices = layer.experts[name]
            gram = np.zeros((len(matrices), len(matrices)))
            for slab in slabs(matrices):
                rows = standardised(slab.reshape(len(matrices), -1))
                gram += rows @ rows.T
                done += 1
                yield Step(done, total, "slabs")
            scores, share = scores_of_gram(gram)
            if options.drop_outliers:
                scores, n = without_outliers(scores, matrices[0].shape[0] * matrices[0].shape[1])
                dropped += n
            points.append(scores)
            explained.append(share)
        values[name], values[f"explained_{name}"] = np.stack(points), np.stack(explained)
    notes = (f"{count(dropped)} {OUTLIERS}",) if options.drop_outliers else ()
    numbers = tuple(layer.layer for layer in layers)
    return AnalysisValues(numbers, ("layer", "expert", "component"), "standard deviations", values, notes=notes)


def figure(found: AnalysisValues, shown: Shown) -> ScatterFigure:
    """The experts of one layer, each with its number; the selected one stands out."""
    name = shown.key.removeprefix("explained_")
    points, share = found.values[name][shown.place], found.values[f"explained_{name}"][shown.place]
    numbers = np.arange(len(points))
    is_chosen = numbers == (-1 if shown.expert is None else shown.expert)
    groups = [ScatterGroup("", points[~is_chosen], _texts(numbers[~is_chosen]), BASELINE, "circle")]
    if is_chosen.any():
        groups.append(ScatterGroup("selected", points[is_chosen], _texts(numbers[is_chosen]), WHAT_IF, "diamond"))
    first, second = (f"component {n + 1} ({percent(float(share[n]))} of variance)" for n in range(2))
    title = f"Experts by {name} weights, layer {found.layers[shown.place]}"
    return ScatterFigure(tuple(groups), first, second, labelled=len(points) <= 128, title=title)


def _texts(numbers: FloatArray) -> tuple[str, ...]:
    return tuple(map(str, numbers.tolist()))


EXPERT_PCA = Analysis(
    name="expert-pca",
    title="Experts in two dimensions",
    question="Which experts of a layer lie near each other, and which stand apart?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=("drop_outliers",),
    compute=compute,
    figure=figure,
)
