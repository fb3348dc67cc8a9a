"""How far the experts divide the vocabulary by the token that is predicted (https://arxiv.org/abs/2409.02060, 5.4).

A trace holds which experts each token chose and not what the model would have said next: that takes one forward pass
of a question, and recording is no slower for it. What random choices would give stands beside.
"""

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Step, Work
from moe_core.analyses.dynamic.prompt_predictions import PromptPredictions
from moe_core.analyses.routing.co_activation import OLMOE
from moe_core.analyses.routing.vocabulary_specialisation import LEAST_OCCURRENCES, figure, specialisation
from moe_core.measures.sampled_tokens import TokenSample
from moe_core.measures.scope import Scope
from moe_core.traces.records import ExpertIds


def compute(asked: PromptPredictions, options: AnalysisOptions) -> Work:
    """Key predicted [L]: mean share of the favourite expert over ids predicted at least ten times, 0..1.

    predicted_lower and predicted_upper bound the mean over token ids; predicted_chance is the same with the ids
    shuffled. NaN where no id is predicted often enough.
    """
    chosen = asked.chosen
    places = chosen.places(options)
    total = len(asked.rows) + len(places)
    read = yield from _predicted(asked, options.scope, total)
    E = chosen.trace.specification.model.n_experts
    shuffled = np.random.default_rng(options.seed).permutation(len(read.ids))
    columns = np.full((4, len(places)), np.nan)
    n_ids = 0
    for at, place in enumerate(places):
        columns[:, at], n_ids = specialisation(read, read.ids, place, E, shuffled)
        yield Step(len(asked.rows) + at + 1, total, "steps")
    suffixes = ("", "_lower", "_upper", "_chance")
    found = {f"predicted{suffix}": column for suffix, column in zip(suffixes, columns, strict=True)}
    notes = (
        f"{read.n_tokens:,} tokens of {len(asked.rows):,} questions; {n_ids:,} tokens were predicted at least "
        f"{LEAST_OCCURRENCES} times.",
    )
    layers = tuple(chosen.layers[place] for place in places)
    return AnalysisValues(layers, ("layer",), "share of the favourite expert", found, notes=notes)


def _predicted(asked: PromptPredictions, scope: Scope, total: int) -> Generator[Step, None, TokenSample]:
    """The tokens in the scope with the experts that they chose, by the trace, and what is predicted at them as ids."""
    trace = asked.chosen.trace
    ids: list[NDArray[np.int32]] = []
    experts: list[ExpertIds] = []
    weights: list[NDArray[np.float16]] = []
    for done, (row, predicted) in enumerate(zip(asked.rows, asked.predicted, strict=True), 1):
        routing = trace.token_routing(row)
        assert len(predicted) == len(routing.experts)
        counts = {Scope.ANSWER: 1, Scope.QUESTION: int(trace.n_own_tokens[row])}.get(scope, len(predicted))
        last = slice(len(predicted) - counts, None)
        ids.append(predicted[last])
        experts.append(routing.experts[last].swapaxes(0, 1))  # [L, T, K]
        weights.append(routing.weights[last].swapaxes(0, 1))
        yield Step(done, total, "steps", "predicting tokens")
    n = sum(map(len, ids))
    rows = np.array(asked.rows, np.intp)
    return TokenSample(
        scope=scope,
        ids=np.concatenate(ids),
        times=np.ones(n),
        experts=np.concatenate(experts, axis=1).astype(trace.dimensions.expert_dtype),
        weights=np.concatenate(weights, axis=1),
        questions=rows,
        n_selected=len(rows),
    )


PREDICTED_VOCABULARY = Analysis(
    name="vocabulary-by-prediction",
    title="Vocabulary by predicted token",
    question="Do experts divide the vocabulary by the token that the model says next?",
    source=OLMOE,
    needs=Needs.PREDICTIONS,
    reads=("scope", "questions", "subjects", "ids", "seed"),
    compute=compute,
    figure=figure,
    version=2,
)
