"""One question before and after a what-if: both sides read together, what is said of them, and their tables.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts, C choices.
"""

from dataclasses import replace
from math import isfinite

import numpy as np

from app.content.captions import comparison_text, question_caption
from app.content.comparison_values import compared_row
from app.state.state import State
from app.state.what_if_state import Mode
from app.views.question.content import Gates, QuestionContent, read_question
from app.views.question.texts import (
    choice_bars,
    choice_table,
    choice_text,
    finite,
    gate_table,
    gate_text,
    letter,
    margin_text,
    mark,
    number,
    probability_ranks,
    probability_table,
    probability_text,
    signed,
)
from app.widgets.bars.choice_bars import ChoiceBar
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import count, elide, percent

_LONGEST_TITLE = 40
_REROUTED_TIP = "Underlined: the what-if sends the token to another set of experts in at least one layer"


def read_both(state: State) -> QuestionContent | None:
    """The current question before, with `after`; None where no what-if is shown, or it did not compare the question."""
    what_if = state.what_if
    if what_if is None or state.mode is Mode.BASELINE or (rows := compared_row(state)) is None:
        return None
    before, after = rows
    return replace(read_question(what_if.before, before), after=read_question(what_if.after, after))


def comparison_note(state: State, content: QuestionContent) -> str:
    """What the what-if did to the question, or that it is not in it; empty while the baseline alone is shown."""
    what_if = state.what_if
    if what_if is None or state.mode is Mode.BASELINE:
        return ""
    name = f"what-if “{elide(what_if.title, _LONGEST_TITLE)}”"
    after = content.after
    if after is not None:
        return f"{name[0].upper()}{name[1:]}: {_answer_change(content, after)}"
    if content.id in what_if.after.trace.ids:
        return f"This question has no answer on one side of {name}: the baseline is shown."
    return f"This question was not part of {name}: the baseline is shown."


def captioned(content: QuestionContent, state: State) -> str:
    """What stands under a figure of the question: which what-if it shows besides."""
    return f"{question_caption(state)} · {comparison_text(state)}" if content.after else question_caption(state)


def rerouted_text(content: QuestionContent) -> tuple[str, str]:
    """How many tokens the what-if sends to other experts, and what marks them; empty where that is not known."""
    rerouted = content.is_rerouted
    if rerouted is None:
        return "", ""
    text = f"{count(int(rerouted.sum()))} of {count(len(rerouted))} tokens re-routed"
    return text, f"{text}\n{_REROUTED_TIP}"


def compared_bars(content: QuestionContent) -> list[ChoiceBar]:
    """The choices as the bars take them, with both sides where there are two."""
    bars, after = choice_bars(content), content.after
    if after is None:
        return bars
    logprobs = after.logprobs.tolist()
    return [
        replace(bar, after=logprobs[choice], is_predicted_after=choice == after.predicted)
        for choice, bar in enumerate(bars)
    ]


def margins_text(content: QuestionContent) -> str:
    """The margin before and after."""
    if content.after is None or content.gold < 0 or content.failure:
        return margin_text(content)
    return f"margin {signed(content.margin)} → {signed(content.after.margin)} nats"


def compared_choice_text(content: QuestionContent, choice: int) -> str:
    """A choice in full, on both sides."""
    after = content.after
    if after is None:
        return choice_text(content, choice)
    lines = [f"{letter(choice)}. {content.choices[choice]}"]
    for name, side in (("before", content), ("after", after)):
        value = float(side.logprobs[choice])
        lines.append(f"{name}: log-probability {value:.6g} nats, probability {percent(float(np.exp(value)))}")
    change = float(after.logprobs[choice]) - float(content.logprobs[choice])
    lines += [f"change {signed(change)} nats"] if isfinite(change) else []
    lines += ["the right choice (gold)"] * (choice == content.gold)
    lines += ["the model's choice before"] * (choice == content.predicted)
    lines += ["the model's choice after"] * (choice == after.predicted)
    return "\n".join(lines)


def compared_choice_table(content: QuestionContent) -> FigureTable:
    """A row for each choice, with both sides where there are two."""
    if content.after is None:
        return choice_table(content)
    columns = ("choice", "text", "log-probability before (nats)", "log-probability after (nats)", "after less before")
    rows = [
        (
            *(bar.letter, bar.text, finite(bar.logprob), finite(bar.after), finite(bar.after - bar.logprob)),
            *(mark(bar.is_gold), mark(bar.is_predicted), mark(bar.is_predicted_after)),
        )
        for bar in compared_bars(content)
    ]
    return FigureTable((*columns, "gold", "predicted before", "predicted after"), rows)


def compared_gate_text(gates: Gates, other: Gates, side: str, layer: int, rank: int) -> str:
    """One expert of one side, `before` or `after`, in full, and its weight on the other."""
    text = f"{side}: {gate_text(gates, layer, rank)}"
    places = np.flatnonzero(other.experts[layer] == gates.experts[layer, rank])
    if not len(places):
        return f"{text}\n{'not chosen after' if side == 'before' else 'not chosen before'}"
    weight = number(float(other.weights[layer, places[0]]))
    return f"{text}\n{'after' if side == 'before' else 'before'}: gate weight {weight}"


def compared_gate_table(gates: Gates, after: Gates | None) -> FigureTable:
    """A row for each layer, side and rank."""
    if after is None:
        return gate_table(gates)
    rows = []
    for side, ours, theirs, fate in (("before", gates, after, "left"), ("after", after, gates, "came")):
        for layer, rank, expert, weight, share in gate_table(ours).rows:
            changed = fate if expert not in theirs.experts[int(str(layer))] else ""
            rows.append((layer, side, rank, expert, weight, share, changed))
    columns = ("layer", "side", "rank", "expert", "gate weight", "renormalised gate weight", "change")
    return FigureTable(columns, sorted(rows, key=lambda row: (row[0], row[1] == "after")))


def compared_probability_text(content: QuestionContent, layer: int, expert: int) -> str:
    """One router probability in full, on both sides."""
    text = probability_text(content, layer, expert)
    if content.after is None:
        return text
    after = probability_text(content.after, layer, expert).split("\n")[1:]
    head, *before = text.split("\n")
    return "\n".join([head, *(f"before: {line}" for line in before), *(f"after: {line}" for line in after)])


def compared_probability_table(content: QuestionContent, layer: int) -> FigureTable:
    """A row for each expert of one layer, with both sides where there are two."""
    if content.answer is None or content.after is None or content.after.answer is None:
        return probability_table(content, layer)
    sides = [side.router_probs[layer].astype(np.float64) for side in (content.answer, content.after.answer)]
    ranks = [probability_ranks(side).tolist() for side in sides]
    chosen = [set(side.experts[layer].tolist()) for side in (content.answer, content.after.answer)]
    rows = [
        (
            *(layer, expert, *(finite(float(side[expert])) for side in sides)),
            *(of_side[expert] for of_side in ranks),
            *(mark(expert in of_side) for of_side in chosen),
        )
        for expert in range(len(sides[0]))
    ]
    names = ("router probability", "rank", "chosen")
    return FigureTable(("layer", "expert", *(f"{name} {side}" for name in names for side in ("before", "after"))), rows)


def _answer_change(content: QuestionContent, after: QuestionContent) -> str:
    """`C → A, right → wrong, gold −0.42 nats`."""
    choices = [letter(side.predicted) for side in (content, after)]
    parts = [" → ".join(choices) if choices[0] != choices[1] else f"still {choices[0]}"]
    if content.gold >= 0:
        outcomes = [side.outcome.value for side in (content, after)]
        parts.append(" → ".join(outcomes) if outcomes[0] != outcomes[1] else f"still {outcomes[0]}")
        change = float(after.logprobs[content.gold] - content.logprobs[content.gold])
        parts.append(f"gold {signed(change)} nats")
    return ", ".join(parts)
