"""How evenly the tokens are spread over the experts of each layer (https://arxiv.org/abs/2409.02060)."""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Step, Work
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.routing.co_activation import OLMOE
from moe_core.analyses.routing.layer_map import layer_map
from moe_core.analyses.selected_trace import SelectedTrace
from moe_core.figures.curves import CurveFigure, Reference
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.measures.clustered import clustered_share
from moe_core.measures.metric import ratio


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Keys load, lower and upper [L, E] (share of tokens that chose the expert, uniform k / E), and for each layer:

    evenness [L], the entropy of the loads over ln E (1: all alike, 0: all tokens to one expert); busiest [L], the
    largest load over the uniform one; cv [L], the coefficient of variation of the loads.
    """
    drawn, places = chosen.routing(options.scope), chosen.places(options)
    sizes = drawn.routing.n_tokens[drawn.questions].astype(np.float64)
    found = np.zeros((3, len(places), drawn.n_experts))
    for number, place in enumerate(places):
        of = clustered_share(drawn.routing.token_count[drawn.questions, place].astype(np.float64), sizes)
        found[:, number] = of.share, of.lower, of.upper
        yield Step(number + 1, len(places), "layers")
    load, lower, upper = found
    parts = ratio(load, load.sum(axis=1, keepdims=True))
    entropy = -np.where(parts > 0, parts * np.log(np.where(parts > 0, parts, 1.0)), 0.0).sum(axis=1)
    mean = load.mean(axis=1)
    values = {
        "load": load,
        "lower": lower,
        "upper": upper,
        "evenness": entropy / np.log(drawn.n_experts) if drawn.n_experts > 1 else np.ones(len(places)),
        "busiest": ratio(load.max(axis=1), mean),
        "cv": ratio(load.std(axis=1), mean),
    }
    layers = tuple(chosen.layers[place] for place in places)
    note = f"{drawn.n_tokens:,} tokens of {len(drawn.questions):,} questions, intervals over questions."
    return AnalysisValues(layers, ("layer", "expert"), "share of tokens", values, notes=(note,))


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure | CurveFigure:
    """Layers by experts, the selected one outlined, or one of the numbers of each layer."""
    values = found.values[shown.key]
    if values.ndim == 1:
        even = (Reference(1.0, "all experts alike"),) if shown.key in ("evenness", "busiest") else ()
        return layer_curve(found.layers, values, f"{shown.key} of the load", references=even)
    return layer_map(found, shown, "Load by expert", "share of tokens")


LOAD_BALANCE = Analysis(
    name="load-balance",
    title="Load balance",
    question="How evenly are the tokens spread over the experts?",
    source=OLMOE,
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids"),
    compute=compute,
    figure=figure,
)
