"""The tokens that one expert serves: how often, and how exclusively (https://arxiv.org/abs/2409.02060)."""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Step, Work
from moe_core.analyses.layer_choice import place_of
from moe_core.analyses.routing.co_activation import OLMOE
from moe_core.analyses.selected_trace import SelectedTrace, token_notes
from moe_core.errors import AnalysisError
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.measures.served_tokens import served_tokens
from moe_core.numbers.formatting import count, percent, percent_with_interval
from moe_core.numbers.intervals import wilson_95

MOST_TOKENS = 200


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Keys served, occurrences, share, lower, upper [1, V] of the tokens that chose the expert most often.

    share is served / occurrences, 0..1. Raises AnalysisError where the model has no such expert.
    """
    assert options.expert is not None, "who opens the source refuses that"
    layer, expert = options.expert
    place, E = place_of(layer, chosen.layers), chosen.trace.specification.model.n_experts
    if expert >= E:
        raise AnalysisError(f"Layer {layer} has {E} experts, counted from 0: there is no expert {expert}.")
    read = yield from chosen.tokens(options.scope, 101)
    tokens = served_tokens(read, place, expert)
    first = np.argsort(-tokens.served, kind="stable")[:MOST_TOKENS]
    share = tokens.share[first]
    bounds = wilson_95(share, tokens.occurrences[first])
    texts = tuple(chosen.trace.token_texts(tokens.ids[first].tolist()))
    yield Step(101, 101, "steps")
    columns = {
        "served": tokens.served[first],
        "occurrences": tokens.occurrences[first],
        "share": share,
        "lower": bounds.lower,
        "upper": bounds.upper,
    }
    values = {key: column[None] for key, column in columns.items()}
    labels = {"token": texts, "expert": (str(expert),)}
    return AnalysisValues((layer,), ("layer", "token"), "tokens; share", values, labels, token_notes(read))


def figure(found: AnalysisValues, shown: Shown) -> BarFigure:
    """The 30 tokens that chose the expert most often: how many of their occurrences it serves."""
    served, times, share, lower, upper = (
        found.values[key][0][:30].tolist() for key in ("served", "occurrences", "share", "lower", "upper")
    )
    rows = [
        BarRow(
            repr(text)[1:-1],
            share[at],
            percent_with_interval(share[at], lower[at], upper[at]),
            lower=lower[at],
            upper=upper[at],
            n=f"{count(served[at])} of {count(times[at])}",
        )
        for at, text in enumerate(found.labels["token"][:30])
    ]
    title = f"Tokens of expert {found.labels['expert'][0]}, layer {found.layers[0]}"
    return BarFigure(tuple(rows), unit="share served", n_title="served", title=title, format_value=percent)


EXPERT_TOKENS = Analysis(
    name="expert-tokens",
    title="Tokens of an expert",
    question="Which tokens does an expert serve?",
    source=OLMOE,
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids", "expert"),
    compute=compute,
    figure=figure,
)
