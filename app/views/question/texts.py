"""What the Question view says and tabulates: tooltips in plain text, and the table behind each of its figures.

Where a what-if is shown beside the question, each speaks of both sides.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Iterable
from functools import partial
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from app.views.question.content import Gates, QuestionContent
from app.views.question.token_measures import TokenMeasure
from moe_core.figures.table import FigureTable
from moe_core.figures.visible import visible
from moe_core.numbers.formatting import count, elide, finite, percent, short, significant
from moe_core.quizzes.question import CHOICE_LETTERS

FloatArray = NDArray[np.float64]

Columns = dict[str, Iterable[str | float | int | None]]
"""The columns of a table by their headings."""

_LONGEST_QUOTE = 24
_OTHER = {"before": "after", "after": "before"}


def details_text(content: QuestionContent) -> str:
    """Why there is no answer, or how it came about where that was unusual; subject, and length."""
    parts = [content.remark, content.subject, f"{count(len(content.texts))} tokens"]
    return " · ".join(part for part in parts if part)


def token_name(content: QuestionContent, token: int | None) -> str:
    """A token in a few words: its position and its text."""
    if token is None or token == content.answer_position:
        return content.last_name
    return f"token {token} “{elide(visible(content.texts[token]), _LONGEST_QUOTE)}”"


def token_text(content: QuestionContent, token: int, measure: TokenMeasure, values: FloatArray | None) -> str:
    """A token in full: text, position, id, and the value of the measure."""
    place = f"position {token} of 0 to {content.answer_position}"
    if token == content.answer_position:
        place += f", the {content.last_name}"
    elif token < content.n_prefix:
        place += ", in the shared prefix"
    lines = [f"“{visible(content.texts[token])}”", place, f"token id {content.token_ids[token]}"]
    if values is not None:
        lines.append(f"{measure.title}: {short(values[token], 4, signed=measure.is_signed)} {measure.unit}")
    return "\n".join(lines)


def prompt_table(
    content: QuestionContent, shown: range, measure: TokenMeasure, values: FloatArray | None
) -> FigureTable:
    """A row for each token that is shown."""
    heading = f"{measure.title} ({measure.unit})" if values is not None else measure.title
    numbers = _numbers(values) if values is not None else [None] * len(content.texts)
    ids = content.token_ids.tolist()
    rows = [(token, ids[token], content.texts[token], numbers[token]) for token in shown]
    return FigureTable(("position", "token id", "text", heading), rows)


def shares_among_choices(content: QuestionContent) -> FloatArray:
    """Probability of each choice [C] given that one of them is chosen; NaN where a log-probability is missing."""
    logprobs = content.logprobs
    if not len(logprobs) or not np.isfinite(logprobs).all():
        return np.full(len(logprobs), np.nan)
    odds = np.exp(logprobs - logprobs.max())
    return np.asarray(odds / odds.sum())


def choice_text(content: QuestionContent, choice: int) -> str:
    """A choice in full: text, probabilities on each side, and what it is."""
    lines = [f"{letter(choice)}. {content.choices[choice]}"]
    for name, side in content.sides.items():
        value = float(side.logprobs[choice])
        text = f"log-probability {short(value, 6)} nats, probability {percent(float(np.exp(value)))}"
        lines += [f"{name}: {text}" if name else text] if isfinite(value) else []
    value, share = _change_of_logprobs(content)[choice], shares_among_choices(content)[choice]
    if content.after is not None:
        lines += [f"change {signed(value)} nats"] if isfinite(value) else []
    elif isfinite(share):
        lines.append(f"probability among the choices {percent(float(share))}")
    lines += ["the right choice (gold)"] * (choice == content.gold)
    for name, side in content.sides.items():
        lines += [f"the model's choice {name or '(predicted)'}"] * (choice == side.predicted)
    return "\n".join(lines)


def choice_table(content: QuestionContent) -> FigureTable:
    """A row for each choice."""
    choices = range(len(content.choices))
    columns: Columns = {"choice": map(letter, choices), "text": content.choices}
    for name, side in content.sides.items():
        columns[_of(name, "log-probability") + " (nats)"] = _numbers(side.logprobs)
    if content.after is not None:
        columns["after less before"] = _numbers(_change_of_logprobs(content))
    else:
        columns["probability among the choices"] = _numbers(shares_among_choices(content))
    columns["gold"] = [mark(choice == content.gold) for choice in choices]
    for name, side in content.sides.items():
        columns[_of(name, "predicted")] = [mark(choice == side.predicted) for choice in choices]
    return _table(columns)


def margin_text(content: QuestionContent) -> str:
    """The margin on each side, or why there is none; empty where the header says it."""
    if content.failure:
        return ""
    if not content.choices:
        return "Plain text: there are none"
    if content.gold < 0:
        return "The quiz names no right choice"
    return f"margin {' → '.join(signed(side.margin) for side in content.sides.values())} nats"


def gate_text(gates: Gates, layer: int, rank: int, side: str = "", other: Gates | None = None) -> str:
    """One expert of one token in full; of one `side`, before or after, also what it is on the `other`."""
    expert, weight = int(gates.experts[layer, rank]), gates.weights[layer, rank]
    lines = [
        f"layer {gates.layers[layer]}, expert {expert}, rank {rank + 1} of {gates.experts.shape[1]}",
        f"gate weight {short(weight, 4)}, renormalised {short(gates.shares[layer, rank], 4)}",
        f"top-k entropy of the layer {short(gates.entropy[layer], 4)} nats",
    ]
    if other is not None:
        lines[0] = f"{side}: {lines[0]}"
        there, places = _OTHER[side], np.flatnonzero(other.experts[layer] == expert)
        weights = [f"{there}: gate weight {short(float(weight), 4)}" for weight in other.weights[layer, places]]
        lines += weights or [f"not chosen {there}"]
    return "\n".join(lines)


def gate_table(gates: Gates, after: Gates | None = None) -> FigureTable:
    """A row for each layer, side and rank."""
    sides = [gates] if after is None else [gates, after]
    experts = np.stack([side.experts for side in sides], axis=1)  # [L, S, K]
    layers, places, ranks = (index.ravel().tolist() for index in np.indices(experts.shape))
    columns: Columns = {"layer": [gates.layers[layer] for layer in layers]}
    if after is not None:
        columns["side"] = [("before", "after")[place] for place in places]
    columns["rank"] = [rank + 1 for rank in ranks]
    columns["expert"] = experts.ravel().tolist()
    columns["gate weight"] = _numbers(np.stack([side.weights for side in sides], axis=1))
    columns["renormalised gate weight"] = _numbers(np.stack([side.shares for side in sides], axis=1))
    if after is not None:
        stays = (experts[:, :, :, None] == experts[:, ::-1, None, :]).any(axis=3).ravel().tolist()
        columns["change"] = [
            "" if is_on_both else ("left", "came")[place] for place, is_on_both in zip(places, stays, strict=True)
        ]
    return _table(columns)


def probability_ranks(probabilities: FloatArray) -> NDArray[np.intp]:
    """Rank of each expert [E] by router probability, 1 for the largest; the first of equals wins."""
    order = np.argsort(-probabilities, kind="stable")
    ranks = np.empty(len(order), np.intp)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def probability_text(content: QuestionContent, layer: int, expert: int) -> str:
    """One router probability in full, on each side; empty where there is none."""
    lines = [f"layer {content.layers[layer]}, expert {expert}"] if content.answers else []
    for name, answer in content.answers.items():
        probabilities = answer.router_probs[layer].astype(np.float64)
        rank = int(probability_ranks(probabilities)[expert])
        said = [f"router probability {short(probabilities[expert], 4)}, rank {rank} of {len(probabilities)}"]
        weights = answer.weights[layer, np.flatnonzero(answer.experts[layer] == expert)]
        said += [f"chosen, gate weight {short(float(weight), 4)}" for weight in weights]
        lines += [f"{name}: {line}" if name else line for line in said]
    return "\n".join(lines)


def probability_table(content: QuestionContent, layer: int) -> FigureTable:
    """A row for each expert of one layer, at the answer position."""
    answers = content.answers
    probabilities = {name: answer.router_probs[layer].astype(np.float64) for name, answer in answers.items()}
    experts = range(max(map(len, probabilities.values()), default=0))
    columns: Columns = {"layer": [content.layers[layer]] * len(experts), "expert": experts}
    columns |= {_of(name, "router probability"): _numbers(side) for name, side in probabilities.items()}
    columns |= {_of(name, "rank"): probability_ranks(side).tolist() for name, side in probabilities.items()}
    for name, answer in answers.items():
        columns[_of(name, "chosen")] = [mark(expert in answer.experts[layer]) for expert in experts]
    return _table(columns)


def letter(choice: int) -> str:
    """The letter of a choice."""
    return CHOICE_LETTERS[choice] if choice < len(CHOICE_LETTERS) else str(choice + 1)


def mark(holds: bool) -> str:
    """How a table says that something holds."""
    return "yes" if holds else ""


signed = partial(significant, signed=True)


def _of(side: str, name: str) -> str:
    return f"{name} {side}" if side else name


def _numbers(values: FloatArray) -> list[float | None]:
    return [finite(value) for value in values.ravel().tolist()]


def _table(columns: Columns) -> FigureTable:
    return FigureTable(tuple(columns), list(zip(*columns.values(), strict=True)))


def _change_of_logprobs(content: QuestionContent) -> FloatArray:
    """Log-probabilities after less before [C], nats; NaN without another side."""
    return content.after.logprobs - content.logprobs if content.after else np.full(len(content.choices), np.nan)
