"""On which tokens the effect of the selected expert hangs: what is known of it, what is computed and measured."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.content.effects import LEAST_NATS, answer_effects, shown_map, strongest
from app.content.mask_editing import effect_of
from app.state.state import State
from app.state.token_effects import MeasuredAt, TokenEffectKey, UnderWay
from moe_core.effects.text import nats
from moe_core.interventions.layers import Cell

if TYPE_CHECKING:
    from moe_core.jobs.token_effects import TokenEffectsRequest

TITLES = {False: "Effect by token", True: "Measured effect by token"}
"""Of the jobs, by whether they measure."""
_KNOWN = {True: "measured", False: "predicted"}
_OFF = 0.5
"""Of the larger one, by how much two effects differ that a reader is told of."""
_MOST = 4
"""Experts of the answer that are computed besides: the pass with gradients, which takes longest, serves all of them."""


def token_terms(state: State) -> NDArray[np.float64] | None:
    """What each token [T] of the question adds to the predicted effect of the selected expert; None where not known."""
    key = _key_shown(state)
    found = None if key is None else state.token_effects.terms.get(key)
    return None if found is None else found.astype(np.float64)


def measured_at(state: State) -> MeasuredAt | None:
    """What masking the selected expert at single tokens of the question does; None where not measured."""
    key = _key_shown(state)
    return None if key is None else state.token_effects.measured.get(key)


def is_missing(state: State, *, measured: bool = False) -> bool:
    """Whether it can be computed, or measured, and is neither known nor under way."""
    known, key = state.token_effects, _key_shown(state)
    comes = key in known.under_way.keys and (known.under_way.measures or not measured)
    return key is not None and key not in (known.measured if measured else known.terms) and not comes


def why_not(state: State) -> str:
    """Why it cannot be computed, in a sentence; empty where it can."""
    if state.trace is None or state.question is None:
        return "Choose a question to see on which of its tokens an effect hangs."
    if len(state.experts) != 1:
        return "Select one expert, above, below or in the grid, to see on which tokens its effect on this answer hangs."
    if state.trace.trace.gold[state.question] < 0:
        return "This question has no right answer that an effect could be of."
    return ""


def missing_text(state: State, *, measured: bool = False) -> str:
    """What would fill the place of the values: why they cannot be, what went wrong, or what computes them."""
    if reason := why_not(state):
        return reason
    key, under_way = _key_shown(state), state.token_effects.under_way
    if key is not None and (problem := state.token_effects.problems.get(key)):
        return problem
    if key in under_way.keys and under_way.measures:
        return "The model is being run again, with the expert masked at one token after the other."
    if key in under_way.keys and not measured:
        return "The answer is being followed back through the model."
    if measured:
        return "Not measured: Measure runs the model again for every token that the expert serves (Ctrl+Shift+F6)."
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
    if terms is None or known is None or not _differ(total := float(terms.sum()), known[0]):
        return ""
    return (
        f"The gradient misleads here: by it the tokens come to {nats(total)} nats, in the map the effect is "
        f"{nats(known[0])} {_KNOWN[known[1]]}. Believe the map."
    )


def whole_text(state: State) -> str:
    """`one by one −0.31, at once −0.43`: empty where it is not measured."""
    found = measured_at(state)
    if found is None:
        return ""
    return f"one by one {nats(float(found.effects.sum()))}, at once {nats(found.whole)}"


def interaction_text(state: State) -> str:
    """That tokens act together: what they do one by one is far from what they do at once; else empty."""
    found = measured_at(state)
    if found is None or not _differ(total := float(found.effects.sum()), found.whole):
        return ""
    return (
        f"The tokens act together: masked at one after the other they come to {nats(total)} nats, at all of them at "
        f"once to {nats(found.whole)}."
    )


def token_effects_request(state: State, *, measured: bool = False) -> "TokenEffectsRequest":
    """The selected expert, and where nothing is measured those that the answer hangs on most; no reason is why not."""
    from moe_core.jobs.token_effects import TokenEffectsRequest

    assert state.trace is not None
    assert state.question is not None
    effects = None if measured else answer_effects(state)
    cells: dict[Cell, None] = dict.fromkeys([*state.experts, *(strongest(effects, _MOST) if effects else ())])
    return TokenEffectsRequest(
        trace=state.trace.path,
        question=state.trace.trace.ids[state.question],
        experts=tuple(map(state.layers.expert, cells)),
        effect=_masking(state),
        measures=measured,
        rerun_baseline=state.rerun.asks_baseline,
    )


def under_way_of(fingerprint: str, request: "TokenEffectsRequest") -> UnderWay:
    """Under what that which a request brings is kept, expert by expert."""
    keys = (TokenEffectKey(fingerprint, request.question, request.effect, expert) for expert in request.experts)
    return UnderWay(tuple(keys), request.measures)


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > max(_OFF * max(abs(one), abs(other)), LEAST_NATS)


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
