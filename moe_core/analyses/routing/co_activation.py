"""Which experts of a layer are chosen together: count(a and b) / count(a) over all pairs of a token's K experts.

OLMoE's authors count adjacent ranks only (https://arxiv.org/abs/2409.02060, section 5.2); all pairs do not depend on
how close two gate weights are.
"""

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.routing.layer_map import layer_map
from moe_core.analyses.selected_trace import SelectedTrace, token_notes
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.measures.metric import ratio

OLMOE = "https://arxiv.org/abs/2409.02060"
_CHUNK = 16_384


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Key share [L, E, E]: of the tokens that chose the row's expert, those that chose the column's too; 1 at itself.

    Rows sum to K. tokens [L, E] counts what stands behind a row; NaN where that is none.
    """
    places = chosen.places(options)
    total = 100 + len(places)
    read = yield from chosen.tokens(options.scope, total)
    E = chosen.trace.specification.model.n_experts
    shares, counts = [], []
    for number, place in enumerate(places, 1):
        together = joint_counts(read.experts[place], read.experts[place], read.times, E)
        counts.append(np.diag(together))
        shares.append(ratio(together, counts[-1][:, None]))
        yield Step(100 + number, total, "steps")
    values = {"share": np.stack(shares), "tokens": np.stack(counts)}
    layers = tuple(chosen.layers[place] for place in places)
    return AnalysisValues(layers, ("layer", "expert", "expert"), "share", values, notes=token_notes(read))


def joint_counts(rows: NDArray[np.integer], columns: NDArray[np.integer], times: FloatArray, E: int) -> FloatArray:
    """Tokens, `times` each, that chose expert a in `rows` [T, K] and expert b in `columns` [T, K]: [E, E]."""
    counts = np.zeros((E, E))
    for start in range(0, len(times), _CHUNK):
        part = slice(start, start + _CHUNK)
        counts += (_one_hot(rows[part], E) * times[part, None]).T @ _one_hot(columns[part], E)
    return counts


def _one_hot(chosen: NDArray[np.integer], E: int) -> FloatArray:
    marks = np.zeros((len(chosen), E))
    np.put_along_axis(marks, chosen.astype(np.intp), 1.0, axis=1)
    return marks


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure:
    """The pairs of one layer; the map of `tokens` has one row for each layer."""
    if shown.key == "tokens":
        return layer_map(found, shown, "Tokens by expert", "tokens")
    layer = found.layers[shown.place]
    return pair_map(
        found.values["share"][shown.place],
        f"Chosen together, layer {layer}",
        "share of the row's tokens",
        selected=shown.expert,
        blank_name="serves no token",
    )


CO_ACTIVATION = Analysis(
    name="co-activation",
    title="Experts chosen together",
    question="Which experts of a layer are chosen by the same tokens?",
    source=OLMOE,
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids"),
    compute=compute,
    figure=figure,
)
