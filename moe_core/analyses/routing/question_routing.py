"""Which experts the tokens of one question chose, at every layer (D4 of https://arxiv.org/abs/2406.18219)."""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Step, Work
from moe_core.analyses.selected_trace import SelectedTrace
from moe_core.analyses.static.cosine import PAPER
from moe_core.errors import AnalysisError, Remedy
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.numbers.formatting import elide

LONGEST_TOKEN = 20
"""Letters of a token beside the map; a few tokenizers make whole sentences of one."""


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Keys weight [L, T, E], the gate weight where the token chose the expert, else NaN; and favourite [L, T]."""
    trace = chosen.trace
    row = trace.index_of(options.question) if options.question else int(chosen.rows[0])
    if not trace.dimensions.keeps_tokens:
        raise AnalysisError(
            f"{trace.path.name} keeps the answer position only, and not every token.", Remedy.KEEP_ALL_TOKENS
        )
    places = list(chosen.places(options))
    routing = trace.token_routing(row)
    experts = routing.experts[:, places].swapaxes(0, 1).astype(np.intp)  # [L, T, K]
    weights = routing.weights[:, places].swapaxes(0, 1).astype(np.float64)
    L, T, _ = experts.shape
    weight = np.full((L, T, trace.specification.model.n_experts), np.nan)
    np.put_along_axis(weight, experts, weights, axis=2)
    yield Step(1, 1, "questions")
    texts = tuple(
        elide(repr(text)[1:-1], LONGEST_TOKEN) for text in trace.token_texts(trace.prompt_token_ids(row).tolist())
    )
    values = {"weight": weight, "favourite": experts[..., 0].astype(np.float64)}
    layers = tuple(chosen.layers[place] for place in places)
    labels = {"token": texts, "question": (trace.ids[row],)}
    return AnalysisValues(layers, ("layer", "token", "expert"), "gate weight; expert", values, labels)


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure:
    """Tokens by experts of one layer; or tokens by layers, where the favourite expert of each is asked for."""
    texts, (question,) = found.labels["token"], found.labels["question"]
    if shown.key == "favourite":
        layers = tuple(map(str, found.layers))
        values = found.values["favourite"].T
        title = f"Favourite expert of each token, question {question}"
        return pair_map(values, title, "expert", names=texts, axes=("token", "layer"), column_names=layers)
    values = found.values["weight"][shown.place]
    title = f"Experts of each token, layer {found.layers[shown.place]}, question {question}"
    numbers = tuple(map(str, range(values.shape[1])))
    axes, blank = ("token", "expert"), "not chosen"
    return pair_map(values, title, "gate weight", names=texts, axes=axes, column_names=numbers, blank_name=blank)


QUESTION_ROUTING = Analysis(
    name="question-routing",
    title="Tokens and their experts",
    question="Which experts did each token of a question choose?",
    source=PAPER,
    needs=Needs.TRACE,
    reads=("question",),
    compute=compute,
    figure=figure,
)
