"""What the tokens of a prompt can be coloured by."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from app.question_content import QuestionContent
from app.state import State

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TokenMeasure:
    """One number a token. `values` gives them [T], or None where there are none; `missing` says what would bring them.

    `of` names what of the state they are of. `highest` is the largest value there can be, for K chosen experts.
    """

    name: str
    title: str
    unit: str
    tip: str
    missing: str
    highest: Callable[[int], float]
    values: Callable[[QuestionContent, State], FloatArray | None]
    of: Callable[[State], str] = lambda state: ""

    def described(self, state: State) -> str:
        """The measure, and what of the state it is of, for a caption."""
        return f"{self.title} {self.of(state)}".strip()


def _mean_entropy(content: QuestionContent, state: State) -> FloatArray | None:
    return None if content.topk_entropy is None else content.topk_entropy.mean(axis=1)


def _layer_entropy(content: QuestionContent, state: State) -> FloatArray | None:
    return None if content.topk_entropy is None else content.topk_entropy[:, state.layer]


def _expert_weight(content: QuestionContent, state: State) -> FloatArray | None:
    return content.weight_of(state.experts)


def _nothing(content: QuestionContent, state: State) -> FloatArray | None:
    return None


TOKEN_MEASURES: tuple[TokenMeasure, ...] = (
    TokenMeasure(
        "entropy",
        "Entropy, mean over layers",
        "nats",
        "Top-k entropy of the token's gate weights, mean over layers: how evenly it spreads over its experts",
        "",
        log,
        _mean_entropy,
    ),
    TokenMeasure(
        "layer_entropy",
        "Entropy, layer looked at",
        "nats",
        "Top-k entropy of the token's gate weights in the layer looked at",
        "",
        log,
        _layer_entropy,
        lambda state: f"(layer {state.layer})",
    ),
    TokenMeasure(
        "expert_weight",
        "Weight of selected experts",
        "gate weight",
        "Gate weight of the selected experts at the token, as the model used it, summed over them",
        "Select an expert, below or in the grid, to colour the tokens by its weight.",
        lambda top_k: 1.0,
        _expert_weight,
        lambda state: "(" + ", ".join(f"{layer}:{expert}" for layer, expert in sorted(state.experts)) + ")",
    ),
    TokenMeasure("none", "No colour", "", "Text only", "", lambda top_k: 1.0, _nothing),
)


def measure_named(name: object) -> TokenMeasure:
    """The measure of that name; the first one where there is none."""
    return next((measure for measure in TOKEN_MEASURES if measure.name == name), TOKEN_MEASURES[0])
