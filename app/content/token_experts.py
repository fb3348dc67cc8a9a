"""The experts behind the token looked at, in every layer."""

from app.state.state import State
from moe_core.measures.question_filter import Expert


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
