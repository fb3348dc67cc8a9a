"""A trace as tidy tables: one observation a row, one array a column, ready for pandas, polars and files.

`pandas.DataFrame(question_columns(trace))` and `polars.DataFrame(..)` take them as they are. Texts are Python strings
in arrays of objects; what is unknown is -1 in whole numbers, NaN in others and empty in texts. Layers have the model's
own numbers, experts count from 0, ranks from 1. Axes: N questions, T tokens, L MoE layers, E experts, K chosen
experts, C choices.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.question_table import OUTCOMES, Outcome, question_table
from moe_core.measures.routing_in_scope import renormalise, routing_in_scope
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.scope import Scope
from moe_core.quizzes.question import CHOICE_LETTERS
from moe_core.traces.layout import Segments
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status, TokenRouting

Columns = dict[str, NDArray[Any]]
"""Columns of one table, all of one length, in the order in which they are shown."""


def question_columns(trace: Trace) -> Columns:
    """One row a question, in quiz order [N]: what was asked and how it ended.

    `correct` is 1, 0, or NaN where nothing can be said; margins, log-probabilities and entropies are in nats.
    """
    table = question_table(trace, routing_in_scope(trace, Scope.ANSWER))
    outcome = [OUTCOMES[place] for place in table.outcome.tolist()]
    return {
        "question": np.arange(trace.n_questions, dtype=np.int32),
        "id": texts(table.ids),
        "subject": texts(table.subjects.tolist()),
        "text": texts(table.texts),
        "n_choices": trace.n_choices,
        "gold": table.gold,
        "predicted": table.predicted,
        "outcome": texts(map(str, outcome)),
        "correct": np.array([{Outcome.RIGHT: 1.0, Outcome.WRONG: 0.0}.get(kind, np.nan) for kind in outcome]),
        "margin": table.margin,
        "gold_logprob": table.gold_logprob,
        "entropy": table.entropy,
        "n_tokens": table.tokens,
        "prefix": trace.prefix,
    }


def answer_columns(trace: Trace) -> Columns:
    """One row a choice of a question: its letter, its text and its log-probability, nats, NaN where not answered."""
    n_choices = trace.n_choices.astype(np.int64)
    question = np.repeat(np.arange(trace.n_questions, dtype=np.int32), n_choices)
    choice = np.concatenate([np.arange(n, dtype=np.int8) for n in n_choices.tolist()])
    was_answered = (trace.status == Status.ANSWERED)[question]
    return {
        "question": question,
        "id": texts(trace.ids)[question],
        "choice": choice,
        "letter": texts(CHOICE_LETTERS)[choice],
        "text": texts(text for row in range(trace.n_questions) for text in trace.content(row).choices),
        "logprob": np.where(was_answered, trace.choice_logprobs[question, choice], np.float32(np.nan)),
        "is_gold": choice == trace.gold[question],
        "is_predicted": choice == trace.predicted[question],
    }


def routing_columns(trace: Trace, question: int) -> Columns:
    """One row for each expert that each token of one question's prompt was sent to [T * L * K], its prefix included.

    `weight` is what the model multiplied the expert's output with, `share` the same with the K of a token summing to
    1; rank 1 is the expert that the router found likeliest. Where the trace keeps the answer position only, that alone.
    Raises TraceError where the question is not recorded, or damaged.
    """
    if not trace.dimensions.keeps_tokens:
        return answer_position_columns(trace, question)
    parts = [segment_columns(trace, question, Segments.QUESTIONS)]
    if trace.prefix[question] >= 0:
        parts.insert(0, segment_columns(trace, question, Segments.PREFIXES))
    return joined(parts)


def segment_columns(trace: Trace, question: int, segments: Segments) -> Columns:
    """As `routing_columns`, of the question's own tokens, or of the prefix it shares: then `question` is -1."""
    tokens, prefix = trace.segment_tokens(question, segments), int(trace.prefix[question])
    if segments is Segments.PREFIXES:
        return _token_columns(trace, tokens.ids, tokens.routing, first=0, question=-1, prefix=prefix)
    first = int(trace.n_prompt_tokens[question] - trace.n_own_tokens[question])
    return _token_columns(trace, tokens.ids, tokens.routing, first=first, question=question, prefix=prefix)


def answer_position_columns(trace: Trace, question: int) -> Columns:
    """As `routing_columns`, of the last token of the prompt alone [L * K]."""
    answer, ids = trace.answer(question), trace.answer_token_ids[question : question + 1]
    routing = TokenRouting(answer.experts[None], answer.weights[None])
    last = int(trace.n_prompt_tokens[question]) - 1
    return _token_columns(trace, ids, routing, first=last, question=question, prefix=int(trace.prefix[question]))


def metric_columns(metric: Metric, sample: RoutingSample) -> Columns:
    """One row a value of the metric, named by its axes; `support` counts the questions behind it.

    `std`, or `lower` and `upper` of a 95 % interval, where the metric has them.
    """
    values = metric.compute(sample)
    places = np.indices(values.values.shape)  # [axes, ..]; of a single number: none
    named = {
        "layer": np.array(sample.layers, np.int32),
        "subject": texts(sample.subject_names),
        "rank": np.arange(1, sample.top_k + 1),
    }
    columns = {
        str(axis): named[axis][at.ravel()] if axis in named else at.ravel().astype(np.int32)
        for axis, at in zip(metric.axes, places, strict=True)
    }
    return columns | _value_columns(values)


def joined(parts: Iterable[Columns]) -> Columns:
    """Tables of the same columns, one under the other; there is at least one."""
    tables = list(parts)
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def texts(values: Iterable[str]) -> NDArray[np.object_]:
    """Strings as they are: numpy's own would give every row the room of the longest."""
    rows = list(values)
    column = np.empty(len(rows), object)
    column[:] = rows
    return column


def _value_columns(values: MetricValues) -> Columns:
    found = {"value": values.values, "support": values.support, "std": values.std}
    found |= {"lower": values.lower, "upper": values.upper}
    return {name: np.ravel(array) for name, array in found.items() if array is not None}


def _token_columns(
    trace: Trace, ids: NDArray[np.int32], routing: TokenRouting, *, first: int, question: int, prefix: int
) -> Columns:
    T, L, K = routing.experts.shape
    weights = routing.weights.astype(np.float32)
    position = np.arange(first, first + T, dtype=np.int32)

    def of_token(values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values, L * K)

    return {
        "question": np.full(T * L * K, question, np.int32),
        "prefix": np.full(T * L * K, prefix, np.int32),
        "position": of_token(position),
        "is_answer": of_token((position == trace.n_prompt_tokens[question] - 1) & (question >= 0)),
        "token_id": of_token(ids),
        "token": of_token(texts(trace.token_texts(ids.tolist()))),
        "layer": np.tile(np.repeat(np.array(trace.specification.model.layers, np.int16), K), T),
        "rank": np.tile(np.arange(1, K + 1, dtype=np.int16), T * L),
        "expert": routing.experts.ravel(),
        "weight": weights.ravel(),
        "share": renormalise(weights).ravel(),
    }
