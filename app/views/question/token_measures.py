"""What the tokens of a prompt can be coloured by."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from app.content.token_effects import (
    doubt_text,
    effect_in_map,
    effect_name,
    interaction_text,
    is_missing,
    measured_at,
    missing_text,
    sum_text,
    token_terms,
    whole_text,
)
from app.state.state import State
from app.views.question.content import QuestionContent

FloatArray = NDArray[np.float64]
BY_TOKEN, MEASURED_BY_TOKEN = "effect", "measured_effect"


@dataclass(frozen=True)
class TokenMeasure:
    """One number a token. `values` gives them [T], or None where there are none; `missing` says what would bring them.

    They are the what-if's where one is shown beside the question. `of` names what of the state they are of.
    `highest` is the largest value there can be; `is_signed`: values lie on both sides of 0, and may be larger.
    `fill` is the window's action that would bring them, where one would; `remark` what there is to say of all of
    them together, and `doubt` why they are not to be believed.
    """

    name: str
    title: str
    unit: str
    tip: str
    missing: Callable[[QuestionContent, State], str]
    highest: Callable[[QuestionContent, State], float]
    values: Callable[[QuestionContent, State], FloatArray | None]
    of: Callable[[State], str] = lambda state: ""
    is_signed: bool = False
    fill: Callable[[State], str] = lambda state: ""
    remark: Callable[[State], str] = lambda state: ""
    doubt: Callable[[State], str] = lambda state: ""

    def described(self, state: State) -> str:
        return f"{self.title} {self.of(state)}".strip()


def _mean_entropy(content: QuestionContent, state: State) -> FloatArray | None:
    found = content.latest.topk_entropy
    return None if found is None else found.mean(axis=1)


def _layer_entropy(content: QuestionContent, state: State) -> FloatArray | None:
    found = content.latest.topk_entropy
    return None if found is None else found[:, state.layer]


def _expert_weight(content: QuestionContent, state: State) -> FloatArray | None:
    return content.latest.weight_of(state.experts)


def _experts_changed(content: QuestionContent, state: State) -> FloatArray | None:
    changes = content.changes_of_experts
    return None if changes is None else changes.sum(axis=1).astype(np.float64)


def _without_routing(sentence: str = "") -> Callable[[QuestionContent, State], str]:
    """Why the tokens' routing is not there, else the sentence."""
    return lambda content, state: content.routing_problem or content.latest.routing_problem or sentence


def _effect_terms(content: QuestionContent, state: State) -> FloatArray | None:
    found = token_terms(state)
    return found if found is not None and len(found) == len(content.texts) else None


def _measured(content: QuestionContent, state: State) -> FloatArray | None:
    found = measured_at(state)
    return found.effects.astype(np.float64) if found and len(found.effects) == len(content.texts) else None


def _largest_entropy(content: QuestionContent, state: State) -> float:
    return log(content.routing.experts.shape[2]) if content.routing else 1.0


def _n_layers(content: QuestionContent, state: State) -> float:
    return float(content.routing.experts.shape[1]) if content.routing else 1.0


def _whole_effect(content: QuestionContent, state: State) -> float:
    """So much the answer hangs on the expert: tokens whose share of that is small are pale."""
    known = effect_in_map(state)
    return 0.0 if known is None else abs(known[0])


def _measured_whole(content: QuestionContent, state: State) -> float:
    found = measured_at(state)
    return 0.0 if found is None else abs(found.whole)


def _brings_effect(state: State) -> str:
    """The action that computes the terms, or once they are there the one that measures."""
    if is_missing(state):
        return "effect_by_token"
    return _brings_measured(state) if token_terms(state) is not None else ""


def _brings_measured(state: State) -> str:
    return "measure_by_token" if is_missing(state, measured=True) else ""


def _one(content: QuestionContent, state: State) -> float:
    return 1.0


def _nothing(content: QuestionContent, state: State) -> FloatArray | None:
    return None


TOKEN_MEASURES: tuple[TokenMeasure, ...] = (
    TokenMeasure(
        "entropy",
        "Entropy, mean over layers",
        "nats",
        "Top-k entropy of the token's gate weights, mean over layers: how evenly it spreads over its experts",
        _without_routing(),
        _largest_entropy,
        _mean_entropy,
    ),
    TokenMeasure(
        "layer_entropy",
        "Entropy, layer looked at",
        "nats",
        "Top-k entropy of the token's gate weights in the layer looked at",
        _without_routing(),
        _largest_entropy,
        _layer_entropy,
        lambda state: f"(layer {state.layers[state.layer]})",
    ),
    TokenMeasure(
        "expert_weight",
        "Weight of selected experts",
        "gate weight",
        "Gate weight of the selected experts at the token, as the model used it, summed over them",
        _without_routing("Select an expert, below or in the grid, to colour the tokens by its weight."),
        _one,
        _expert_weight,
        lambda state: "(" + ", ".join(map(state.layers.name, sorted(state.experts))) + ")",
    ),
    TokenMeasure(
        "changed",
        "Experts changed",
        "layers",
        "Number of layers in which the what-if sends the token to another set of experts",
        _without_routing("Show a what-if, or its difference, to see which tokens it sends to other experts."),
        _n_layers,
        _experts_changed,
    ),
    TokenMeasure(
        BY_TOKEN,
        "Effect of expert, predicted",
        "nats",
        "What each token adds to the predicted effect of the selected expert on the right answer’s log-probability, "
        "where that expert alone is masked in the baseline; negative: the answer misses it there",
        lambda content, state: missing_text(state),
        _whole_effect,
        _effect_terms,
        lambda state: f"({effect_name(state)})",
        is_signed=True,
        fill=_brings_effect,
        remark=sum_text,
        doubt=doubt_text,
    ),
    TokenMeasure(
        MEASURED_BY_TOKEN,
        "Effect of expert, measured",
        "nats",
        "What masking the selected expert at this token alone does to the right answer’s log-probability, by running "
        "the baseline again; tokens act together, so that these do not sum to the effect of masking it everywhere",
        lambda content, state: missing_text(state, measured=True),
        _measured_whole,
        _measured,
        lambda state: f"({effect_name(state)})",
        is_signed=True,
        fill=_brings_measured,
        remark=whole_text,
        doubt=interaction_text,
    ),
    TokenMeasure("none", "No colour", "", "Text only", lambda content, state: "", _one, _nothing),
)


def measure_named(name: object) -> TokenMeasure:
    """The measure of that name; the first one where there is none."""
    return next((measure for measure in TOKEN_MEASURES if measure.name == name), TOKEN_MEASURES[0])
