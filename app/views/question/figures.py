"""The figures of a question: its prompt, its choices, the gates of one token, the router probabilities of one layer.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts.
"""

from collections.abc import Iterator
from math import ceil, isfinite, log10

import numpy as np

from app.views.question.content import Gates, QuestionContent
from app.views.question.texts import choice_text, letter
from app.views.question.token_measures import FloatArray, TokenMeasure
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.colour.colours import BASELINE, REFERENCE, RIGHT, WHAT_IF, WRONG
from moe_core.figures.columns import ColumnFigure
from moe_core.figures.curves import Reference
from moe_core.figures.gates import GateFigure, GateRow
from moe_core.figures.tokens import TokenFigure
from moe_core.figures.visible import visible
from moe_core.numbers.formatting import count, fixed, significant
from moe_core.traces.records import Answer

_LONGEST = 400
"""Characters of a choice that are looked at: none of those beyond fits on a line."""
_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)


def prompt_figure(
    content: QuestionContent,
    shown: range,
    measure: TokenMeasure,
    values: FloatArray | None,
    ends: tuple[float, float],
    note: str,
) -> TokenFigure:
    """The tokens that are shown, coloured by a measure between two ends; `note` says why they are not."""
    marked = content.is_rerouted
    return TokenFigure(
        texts=content.texts[shown.start :],
        values=None if values is None else values[shown.start :],
        low=ends[0],
        high=ends[1],
        unit=measure.unit,
        is_signed=measure.is_signed,
        marked=None if marked is None else marked[shown.start :],
        marked_name="sent to other experts by the what-if",
        left_out=f"{count(shown.start)} tokens of the shared prefix are not shown" if shown.start else "",
        note=note,
        title="Prompt",
        last_name=content.last_name,
    )


def choice_figure(content: QuestionContent) -> BarFigure:
    """A bar for each choice on a logarithmic axis of probability; beside a what-if two, in the colours of the sides."""
    rows = tuple(row for choice in range(len(content.choices)) for row in _choice_rows(content, choice))
    low = -_rounded_up(1.05 * max((-row.value for row in rows if isfinite(row.value)), default=1.0))
    return BarFigure(rows, lowest=low, largest=0.0, base=low, unit="log-probability (nats)", title="Choices")


def _choice_rows(content: QuestionContent, choice: int) -> Iterator[BarRow]:
    tip = choice_text(content, choice)
    for name, side in content.sides.items():
        words, colour = _marks(content, choice, side)
        value = float(side.logprobs[choice])
        text = "what-if" if name == "after" else visible(content.choices[choice][:_LONGEST])
        of_side = {"before": BASELINE, "after": WHAT_IF}.get(name, colour or REFERENCE)
        yield BarRow(
            f"{letter(choice)}  {text}", value, fixed(value, 4), tip, sign=words, sign_colour=colour, colour=of_side
        )


def _marks(content: QuestionContent, choice: int, side: QuestionContent) -> tuple[str, str]:
    """The words and the colour that say what a choice is on a side; what is gold is said once, on the first side."""
    is_gold = choice == content.gold
    words = ", ".join(["gold"] * (is_gold and side is content) + ["predicted"] * (choice == side.predicted))
    if not words or content.gold < 0:
        return words, ""
    return (f"✓ {words}", RIGHT) if is_gold else (f"✗ {words}", WRONG)


def _rounded_up(value: float) -> float:
    """The next number with at most two digits whose half is round too."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (ceil(log10(value)) - 1)
    return float(next(step * power for step in _STEPS if step * power >= value))


def gate_figure(gates: Gates, after: Gates | None, *, is_renormalised: bool) -> GateFigure:
    """The experts of one token at every layer; with those of the what-if where one is compared."""
    quantity = "renormalised gate weight" if is_renormalised else "gate weight"
    shown, before = (gates, ()) if after is None else (after, _rows(gates, is_renormalised=is_renormalised))
    return GateFigure(_rows(shown, is_renormalised=is_renormalised), before, quantity, "Gate weights")


def router_figure(answer: Answer, after: Answer | None, layer: int) -> ColumnFigure:
    """The router probabilities of one layer at the answer position; with those before where a what-if is compared."""
    values, chosen = _of_layer(answer if after is None else after, layer)
    before, chosen_before = (None, frozenset[int]()) if after is None else _of_layer(answer, layer)
    even = 1 / max(len(values), 1)
    return ColumnFigure(
        values,
        chosen,
        before,
        chosen_before,
        Reference(even, f"no preference: {significant(even)}"),
        y_title="router probability",
        title="Router probabilities",
    )


def _rows(gates: Gates, *, is_renormalised: bool) -> tuple[GateRow, ...]:
    rows = zip(gates.layers, gates.experts, gates.shares if is_renormalised else gates.weights, strict=True)
    return tuple(GateRow(str(layer), experts, row) for layer, experts, row in rows)


def _of_layer(answer: Answer, layer: int) -> tuple[FloatArray, frozenset[int]]:
    """Router probabilities [E] of one layer, and the experts chosen."""
    return answer.router_probs[layer].astype(np.float64), frozenset(answer.experts[layer].tolist())
