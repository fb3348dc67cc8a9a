"""Where the tokens of an expert go in another layer: count(a here and b there) / count(a here), over all pairs.

OLMoE's authors pair rank with rank (https://arxiv.org/abs/2409.02060); here every one of a token's K experts counts.
"""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Step, Work
from moe_core.analyses.layer_choice import place_of
from moe_core.analyses.routing.co_activation import OLMOE, joint_counts
from moe_core.analyses.routing.layer_map import layer_map
from moe_core.analyses.selected_trace import SelectedTrace, token_notes
from moe_core.errors import AnalysisError
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.measures.metric import ratio


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Key share [L, E, E] from each layer asked for (row) to the next one, or to `to_layer` (column); rows sum to K.

    expected [L, E] is the share of all tokens that chose the column's expert: what chance alone would give.
    """
    pairs = _pairs(chosen, options)
    total = 100 + len(pairs)
    read = yield from chosen.tokens(options.scope, total)
    E = chosen.trace.specification.model.n_experts
    shares, expected = [], []
    for number, (here, there) in enumerate(pairs, 1):
        together = joint_counts(read.experts[here], read.experts[there], read.times, E)
        shares.append(ratio(together, read.used(here, E)[:, None]))
        expected.append(ratio(read.used(there, E), float(read.n_tokens)))
        yield Step(100 + number, total, "steps")
    layers = tuple(chosen.layers[here] for here, _ in pairs)
    labels = {"to layer": tuple(str(chosen.layers[there]) for _, there in pairs)}
    values = {"share": np.stack(shares), "expected": np.stack(expected)}
    return AnalysisValues(layers, ("layer", "expert", "expert"), "share", values, labels, token_notes(read))


def _pairs(chosen: SelectedTrace, options: AnalysisOptions) -> list[tuple[int, int]]:
    places = chosen.places(options)
    if options.to_layer is not None:
        there = place_of(options.to_layer, chosen.layers)
        return [(place, there) for place in places]
    pairs = [(place, place + 1) for place in places if place + 1 < len(chosen.layers)]
    if not pairs:
        raise AnalysisError(f"No layer follows layer {chosen.layers[places[-1]]}: choose an earlier one.")
    return pairs


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure:
    """The flow between two layers."""
    layer, to_layer = found.layers[shown.place], found.labels["to layer"][shown.place]
    if shown.key == "expected":
        return layer_map(found, shown, "Flow by chance", "share")
    values = found.values["share"][shown.place]
    return pair_map(
        values,
        f"From layer {layer} to layer {to_layer}",
        "share of the row's tokens",
        selected=shown.expert,
        blank_name="serves no token",
        axes=(f"expert of layer {layer}", f"expert of layer {to_layer}"),
        column_names=tuple(map(str, range(values.shape[1]))),  # an expert here and its number there are no pair of one
    )


CROSS_LAYER_FLOW = Analysis(
    name="cross-layer-flow",
    title="Flow between layers",
    question="Which experts of another layer do the tokens of an expert choose?",
    source=OLMOE,
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids", "to_layer"),
    compute=compute,
    figure=figure,
)
