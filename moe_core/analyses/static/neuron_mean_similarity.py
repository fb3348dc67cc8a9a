"""How alike experts are once averaged over their neurons (S2 of https://arxiv.org/abs/2406.18219).

The average does not depend on the order of neurons, which the bare comparison of weights does.
"""

from collections.abc import Generator, Sequence
from functools import partial

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Step, Work
from moe_core.analyses.layer_choice import chosen_places
from moe_core.analyses.static.cosine import PAPER, cosines, similarity_map, with_shared
from moe_core.models.weights.expert_weights import ExpertWeights, LayerWeights, MatrixName
from moe_core.models.weights.matrix import ExpertMatrix
from moe_core.models.weights.slabs import n_slabs, slabs


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Keys up, gate and down, each [L, E, E]; shared experts of any width are compared as well."""
    layers = [weights.layers[place] for place in chosen_places([each.layer for each in weights.layers], options)]
    sizes = {name: _n_steps(layers[0], name) for name in weights.matrices}
    done, total = 0, len(layers) * sum(sizes.values())
    values: dict[str, FloatArray] = {}
    for name in weights.matrices:
        found = []
        for layer in layers:
            means = [(yield from mean_neurons(layer.experts[name], done, total))]
            if layer.shared:
                means.append((yield from mean_neurons(layer.shared[name], done + sizes[name] - 1, total)))
            done += sizes[name]
            found.append(cosines(np.vstack(means)))
        values = with_shared(name, found, weights.n_experts, values)
    return AnalysisValues(
        tuple(layer.layer for layer in layers), ("layer", "expert", "expert"), "cosine of the mean neurons", values
    )


def mean_neurons(matrices: Sequence[ExpertMatrix], done: int, total: int) -> Generator[Step, None, FloatArray]:
    """The mean of each expert's neurons [E, H]."""
    parts = []
    for number, slab in enumerate(slabs(matrices), 1):  # [E, R, C]
        parts.append(slab.sum(axis=1, dtype=np.float64) if matrices[0].neurons_are_rows else slab.mean(axis=2))
        yield Step(min(done + number, total), total, "slabs")
    if matrices[0].neurons_are_rows:
        return np.asarray(np.sum(parts, axis=0) / matrices[0].n_rows)
    return np.concatenate(parts, axis=1).astype(np.float64)


def _n_steps(layer: LayerWeights, name: MatrixName) -> int:
    return n_slabs(layer.experts[name]) + (1 if layer.shared else 0)


NEURON_MEAN_SIMILARITY = Analysis(
    name="expert-neuron-mean-similarity",
    title="Similarity of mean neurons",
    question="Which experts are similar on average over their neurons?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=(),
    compute=compute,
    figure=partial(similarity_map, what="Cosine of mean neurons"),
)
