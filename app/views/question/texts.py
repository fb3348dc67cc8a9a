"""What the Question view says and tabulates: tooltips in plain text, and the table behind each of its figures.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts, C choices.
"""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from app.views.question.content import Gates, QuestionContent
from app.views.question.token_measures import TokenMeasure
from app.widgets.bars.choice_bars import ChoiceBar
from app.widgets.safe_text import visible
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import NOTHING, count, elide, percent, significant
from moe_core.quizzes.question import CHOICE_LETTERS

FloatArray = NDArray[np.float64]

_LONGEST_QUOTE = 24


def details_text(content: QuestionContent) -> str:
    """Why there is no answer, or how it came about where that was unusual; subject, and length."""
    parts = [content.remark, content.subject, f"{count(len(content.texts))} tokens"]
    return " · ".join(part for part in parts if part)


def token_name(content: QuestionContent, token: int | None) -> str:
    """A token in a few words: its position and its text."""
    if token is None or token == content.answer_position:
        return "answer position"
    return f"token {token} “{elide(visible(content.texts[token]), _LONGEST_QUOTE)}”"


def token_text(content: QuestionContent, token: int, measure: TokenMeasure, values: FloatArray | None) -> str:
    """A token in full: text, position, id, and the value of the measure."""
    place = f"position {token} of 0 to {content.answer_position}"
    if token == content.answer_position:
        place += ", the answer position"
    elif token < content.n_prefix:
        place += ", in the shared prefix"
    lines = [f"“{visible(content.texts[token])}”", place, f"token id {content.token_ids[token]}"]
    if values is not None:
        lines.append(f"{measure.title}: {number(values[token])} {measure.unit}")
    return "\n".join(lines)


def prompt_table(
    content: QuestionContent, shown: range, measure: TokenMeasure, values: FloatArray | None
) -> FigureTable:
    """A row for each token that is shown."""
    heading = f"{measure.title} ({measure.unit})" if values is not None else measure.title
    numbers = values.tolist() if values is not None else [None] * len(content.texts)
    ids = content.token_ids.tolist()
    rows = [(token, ids[token], content.texts[token], finite(numbers[token])) for token in shown]
    return FigureTable(("position", "token id", "text", heading), rows)


def choice_bars(content: QuestionContent) -> list[ChoiceBar]:
    """The choices as the bars take them."""
    return [
        ChoiceBar(letter(choice), text, float(value), choice == content.gold, choice == content.predicted)
        for choice, (text, value) in enumerate(zip(content.choices, content.logprobs, strict=True))
    ]


def shares_among_choices(content: QuestionContent) -> FloatArray:
    """Probability of each choice [C] given that one of them is chosen; NaN where a log-probability is missing."""
    logprobs = content.logprobs
    if not len(logprobs) or not np.isfinite(logprobs).all():
        return np.full(len(logprobs), np.nan)
    odds = np.exp(logprobs - logprobs.max())
    return np.asarray(odds / odds.sum())


def choice_text(content: QuestionContent, choice: int) -> str:
    """A choice in full: text, probabilities, and what it is."""
    value = float(content.logprobs[choice])
    lines = [f"{letter(choice)}. {content.choices[choice]}"]
    if isfinite(value):
        lines += [
            f"log-probability {value:.6g} nats, probability {percent(float(np.exp(value)))}",
            f"probability among the choices {percent(float(shares_among_choices(content)[choice]))}",
        ]
    lines += ["the right choice (gold)"] * (choice == content.gold)
    lines += ["the model's choice (predicted)"] * (choice == content.predicted)
    return "\n".join(lines)


def choice_table(content: QuestionContent) -> FigureTable:
    """A row for each choice."""
    shares = shares_among_choices(content).tolist()
    rows = [
        (bar.letter, bar.text, finite(bar.logprob), finite(share), mark(bar.is_gold), mark(bar.is_predicted))
        for bar, share in zip(choice_bars(content), shares, strict=True)
    ]
    columns = ("choice", "text", "log-probability (nats)", "probability among the choices", "gold", "predicted")
    return FigureTable(columns, rows)


def margin_text(content: QuestionContent) -> str:
    """The margin, or why there is none; empty where the header says it."""
    if content.failure:
        return ""
    if content.gold < 0:
        return "The quiz names no right choice"
    return f"margin {signed(content.margin)} nats"


def gate_text(gates: Gates, layer: int, rank: int) -> str:
    """One expert of one token in full."""
    expert, weight = int(gates.experts[layer, rank]), gates.weights[layer, rank]
    return "\n".join(
        [
            f"layer {layer}, expert {expert}, rank {rank + 1} of {gates.experts.shape[1]}",
            f"gate weight {number(weight)}, renormalised {number(gates.shares[layer, rank])}",
            f"top-k entropy of the layer {number(gates.entropy[layer])} nats",
        ]
    )


def gate_table(gates: Gates) -> FigureTable:
    """A row for each layer and rank."""
    n_layers, n_ranks = gates.experts.shape
    weights, shares, experts = gates.weights.tolist(), gates.shares.tolist(), gates.experts.tolist()
    rows = [
        (layer, rank + 1, experts[layer][rank], finite(weights[layer][rank]), finite(shares[layer][rank]))
        for layer in range(n_layers)
        for rank in range(n_ranks)
    ]
    return FigureTable(("layer", "rank", "expert", "gate weight", "renormalised gate weight"), rows)


def probability_ranks(probabilities: FloatArray) -> NDArray[np.intp]:
    """Rank of each expert [E] by router probability, 1 for the largest; the first of equals wins."""
    order = np.argsort(-probabilities, kind="stable")
    ranks = np.empty(len(order), np.intp)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def probability_text(content: QuestionContent, layer: int, expert: int) -> str:
    """One router probability in full."""
    if content.answer is None:
        return ""
    probabilities = content.answer.router_probs[layer].astype(np.float64)
    rank = int(probability_ranks(probabilities)[expert])
    lines = [
        f"layer {layer}, expert {expert}",
        f"router probability {number(probabilities[expert])}, rank {rank} of {len(probabilities)}",
    ]
    places = np.flatnonzero(content.answer.experts[layer] == expert)
    if len(places):
        lines.append(f"chosen, gate weight {number(float(content.answer.weights[layer, places[0]]))}")
    return "\n".join(lines)


def probability_table(content: QuestionContent, layer: int) -> FigureTable:
    """A row for each expert of one layer, at the answer position."""
    columns = ("layer", "expert", "router probability", "rank", "chosen")
    if content.answer is None:
        return FigureTable(columns, [])
    probabilities = content.answer.router_probs[layer].astype(np.float64)
    ranks, chosen = probability_ranks(probabilities).tolist(), set(content.answer.experts[layer].tolist())
    rows = [
        (layer, expert, finite(value), ranks[expert], mark(expert in chosen))
        for expert, value in enumerate(probabilities.tolist())
    ]
    return FigureTable(columns, rows)


def letter(choice: int) -> str:
    """The letter of a choice."""
    return CHOICE_LETTERS[choice] if choice < len(CHOICE_LETTERS) else str(choice + 1)


def mark(holds: bool) -> str:
    """How a table says that something holds."""
    return "yes" if holds else ""


def finite(value: float | None) -> float | None:
    """The number as a table takes it; None where there is none."""
    return float(value) if value is not None and isfinite(value) else None


def number(value: float) -> str:
    """A number to four digits."""
    return f"{value:.4g}" if isfinite(value) else NOTHING


def signed(value: float) -> str:
    """A number with its sign."""
    sign = "−" if value < 0 else "+"
    return sign + significant(abs(value)) if isfinite(value) else NOTHING
