"""On which tokens the effect of the selected expert hangs: what is known of it, and what would be computed."""

import numpy as np
from numpy.typing import NDArray

from app.content.effects import LEAST_NATS, answer_effects, shown_map, strongest
from app.content.mask_editing import effect_of
from app.state.state import State
from app.state.token_effects import TokenEffectKey
from moe_core.effects.text import nats
from moe_core.interventions.layers import Cell
from moe_core.jobs.token_effects import TokenEffectsRequest

TITLE = "Effect by token"
"""Of the job."""
_KNOWN = {True: "measured", False: "predicted"}
_OFF = 0.5
"""Of the larger one, by how much what the gradient and the map say may differ."""
_MOST = 4
"""Experts of the answer that are computed besides: the pass with gradients, which takes longest, serves all of them."""


def token_terms(state: State) -> NDArray[np.float64] | None:
    """What each token [T] of the question adds to the predicted effect of the selected expert; None where not known."""
    key = _key_shown(state)
    found = None if key is None else state.token_effects.terms.get(key)
    return None if found is None else found.astype(np.float64)


def is_missing(state: State) -> bool:
    """Whether it can be computed, and is neither known nor under way."""
    known, key = state.token_effects, _key_shown(state)
    return key is not None and key not in known.terms and key not in known.under_way


def why_not(state: State) -> str:
    """Why it cannot be computed, in a sentence; empty where it can."""
    if state.trace is None or state.question is None:
        return "Choose a question to see on which of its tokens an effect hangs."
    if len(state.experts) != 1:
        return "Select one expert, above, below or in the grid, to see on which tokens its effect on this answer hangs."
    if state.trace.trace.gold[state.question] < 0:
        return "This question has no right answer that an effect could be of."
    return ""


def missing_text(state: State) -> str:
    """What would fill the place of the values: why they cannot be, what went wrong, or what computes them."""
    if reason := why_not(state):
        return reason
    key = _key_shown(state)
    if key is not None and (problem := state.token_effects.problems.get(key)):
        return problem
    if key in state.token_effects.under_way:
        return "The answer is being followed back through the model."
    return "Not computed: Compute follows the answer back through the model that gave it (Ctrl+F6)."


def effect_name(state: State) -> str:
    """`0:6, re-routed`: the expert and what is done to it; empty without one."""
    if len(state.experts) != 1:
        return ""
    (cell,) = state.experts
    return f"{state.layers.name(cell)}, {'dropped' if _masking(state) == 'drop' else 're-routed'}"


def effect_in_map(state: State) -> tuple[float, bool] | None:
    """The selected expert's effect on this answer as the map knows it, and whether it is measured; None where not."""
    effects = answer_effects(state)
    if effects is None or len(state.experts) != 1:
        return None
    (cell,) = state.experts
    return float(effects.effects[0][cell]), bool(effects.is_exact[0][cell])


def sum_text(state: State) -> str:
    """`together −0.31, in the map −0.43 measured`: what the tokens come to; empty where they are not known."""
    terms, known = token_terms(state), effect_in_map(state)
    if terms is None:
        return ""
    text = f"together {nats(float(terms.sum()))}"
    return text if known is None else f"{text}, in the map {nats(known[0])} {_KNOWN[known[1]]}"


def doubt_text(state: State) -> str:
    """That the map, which has run experts again, knows another effect than the gradient; empty where it does not."""
    terms, known = token_terms(state), effect_in_map(state)
    if terms is None or known is None:
        return ""
    total, effect = float(terms.sum()), known[0]
    if abs(total - effect) <= max(_OFF * max(abs(total), abs(effect)), LEAST_NATS):
        return ""
    return (
        f"The gradient misleads here: by it the tokens come to {nats(total)} nats, in the map the effect is "
        f"{nats(effect)} {_KNOWN[known[1]]}. Believe the map."
    )


def token_effects_request(state: State) -> TokenEffectsRequest:
    """The selected expert and those that the answer hangs on most; there is no reason why not."""
    assert state.trace is not None
    assert state.question is not None
    effects = answer_effects(state)
    cells: dict[Cell, None] = dict.fromkeys([*state.experts, *(strongest(effects, _MOST) if effects else ())])
    return TokenEffectsRequest(
        trace=state.trace.path,
        question=state.trace.trace.ids[state.question],
        experts=tuple(map(state.layers.expert, cells)),
        effect=_masking(state),
        rerun_baseline=state.rerun.asks_baseline,
    )


def keys_of(fingerprint: str, request: TokenEffectsRequest) -> tuple[TokenEffectKey, ...]:
    """Under what the terms of a request are kept, expert by expert."""
    return tuple(TokenEffectKey(fingerprint, request.question, request.effect, expert) for expert in request.experts)


def _key_shown(state: State) -> TokenEffectKey | None:
    if why_not(state):
        return None
    assert state.trace is not None
    assert state.question is not None
    (cell,) = state.experts
    question = state.trace.trace.ids[state.question]
    return TokenEffectKey(state.trace.fingerprint, question, _masking(state), state.layers.expert(cell))


def _masking(state: State) -> str:
    """That of the map shown, beside which it stands; without one that of the mask, boosting aside."""
    made = shown_map(state)
    effect = effect_of(state) if made is None else made.specification.effect
    return effect if effect in ("reroute", "drop") else "reroute"
