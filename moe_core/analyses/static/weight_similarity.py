"""How alike the experts' weights are: cosine of the flattened matrices (S1 of https://arxiv.org/abs/2406.18219)."""

from collections.abc import Generator
from functools import partial

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Step, Work
from moe_core.analyses.layer_choice import chosen_places
from moe_core.analyses.static.cosine import PAPER, comparable, cosines_of_gram, shared_note, similarity_map, with_shared
from moe_core.models.weights.expert_weights import ExpertWeights
from moe_core.models.weights.matrix import ExpertMatrix
from moe_core.models.weights.slabs import n_slabs, slabs


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Keys up, gate and down, each [L, E, E], 1 on the diagonal: 1 for equal directions, 0 for unrelated ones."""
    layers = [weights.layers[place] for place in chosen_places([each.layer for each in weights.layers], options)]
    sizes = {name: n_slabs(comparable(layers[0], name)) for name in weights.matrices}
    done, total = 0, len(layers) * sum(sizes.values())
    values: dict[str, FloatArray] = {}
    for name in weights.matrices:
        found = []
        for layer in layers:
            gram = yield from gram_of(comparable(layer, name), done, total)
            done += sizes[name]
            found.append(cosines_of_gram(gram))
        values = with_shared(name, found, weights.n_experts, values)
    numbers = tuple(layer.layer for layer in layers)
    return AnalysisValues(numbers, ("layer", "expert", "expert"), "cosine", values, notes=shared_note(layers))


def gram_of(matrices: tuple[ExpertMatrix, ...], done: int, total: int) -> Generator[Step, None, FloatArray]:
    """Inner products of the flattened matrices [n, n], a slab at a time; the order of their numbers does not matter."""
    gram = np.zeros((len(matrices), len(matrices)))
    for number, slab in enumerate(slabs(matrices), 1):
        rows = slab.reshape(len(matrices), -1)
        gram += rows @ rows.T
        yield Step(done + number, total, "slabs")
    return gram


WEIGHT_SIMILARITY = Analysis(
    name="expert-weight-similarity",
    title="Similarity of expert weights",
    question="Which experts of a layer have similar weights?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=(),
    compute=compute,
    figure=partial(similarity_map, what="Cosine of expert weights"),
)
