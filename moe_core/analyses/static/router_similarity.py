"""How alike the router's rows are, one for each expert (S4 of https://arxiv.org/abs/2406.18219)."""

from functools import partial

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Step, Work
from moe_core.analyses.layer_choice import chosen_places
from moe_core.analyses.static.cosine import PAPER, cosines, similarity_map
from moe_core.models.weights.expert_weights import ExpertWeights


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Key similarity [L, E, E]: cosine of two router rows; experts with similar rows are chosen for similar inputs."""
    layers = [weights.layers[place] for place in chosen_places([each.layer for each in weights.layers], options)]
    found = []
    for number, layer in enumerate(layers, 1):
        found.append(cosines(layer.router_rows()))
        yield Step(number, len(layers), "layers")
    numbers = tuple(layer.layer for layer in layers)
    return AnalysisValues(numbers, ("layer", "expert", "expert"), "cosine", {"similarity": np.stack(found)})


ROUTER_SIMILARITY = Analysis(
    name="router-similarity",
    title="Similarity of router rows",
    question="Which experts does the router choose for similar inputs?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=(),
    compute=compute,
    figure=partial(similarity_map, what="Cosine of router rows"),
)
