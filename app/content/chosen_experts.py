"""The experts that a subject's tokens go to more than others do, and those behind one token, in every layer.

Axes: L MoE layers, E experts.
"""

import numpy as np

from app.state.state import State
from moe_core.measures.metric import FloatArray
from moe_core.measures.question_filter import EVERYTHING, Expert, QuestionFilter
from moe_core.measures.routing_sample import RoutingSample


def subject_experts(state: State, subject: str) -> frozenset[Expert]:
    """In each layer the expert whose share of the subject's tokens is the furthest above its share of all others'.

    None of a subject without an answered question; of a trace's only subject the experts that it uses most.
    """
    if state.trace is None or not subject:
        return frozenset()
    ours = state.trace.sample(state.scope, QuestionFilter(subjects=(subject,)))
    if not len(ours.questions):
        return frozenset()
    every = state.trace.sample(state.scope, EVERYTHING)
    above = _share(ours) - _share_of_the_rest(every, ours)
    return frozenset((layer, int(expert)) for layer, expert in enumerate(above.argmax(axis=1)))


def _share(sample: RoutingSample) -> FloatArray:
    """Share of the tokens that choose each expert [L, E]."""
    share: FloatArray = sample.counts.tokens / max(sample.n_tokens, 1)
    return share


def _share_of_the_rest(every: RoutingSample, ours: RoutingSample) -> FloatArray:
    n_tokens = every.n_tokens - ours.n_tokens
    rest: FloatArray = (every.counts.tokens - ours.counts.tokens) / max(n_tokens, 1)
    return np.maximum(rest, 0.0)


def token_experts(state: State) -> frozenset[Expert]:
    """Where the current token was sent, the answer position where none is chosen; none without a question.

    Raises TraceError where that is not recorded, not kept, or damaged.
    """
    if state.trace is None or state.question is None:
        return frozenset()
    trace = state.trace.trace
    if state.token is None:
        experts = trace.answer(state.question).experts  # [L, K]
    else:
        experts = trace.token_routing(state.question).experts[state.token]
    return frozenset((layer, expert) for layer, chosen in enumerate(experts.tolist()) for expert in chosen)
