"""The figures of a question: its prompt, the gates of one token, the router probabilities of one layer.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts.
"""

import numpy as np

from app.views.question.content import Gates, QuestionContent
from app.views.question.token_measures import FloatArray, TokenMeasure
from moe_core.figures.columns import ColumnFigure
from moe_core.figures.curves import Reference
from moe_core.figures.gates import GateFigure, GateRow
from moe_core.figures.tokens import TokenFigure
from moe_core.numbers.formatting import count, significant
from moe_core.traces.records import Answer


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
        marked=None if marked is None else marked[shown.start :],
        marked_name="sent to other experts by the what-if",
        left_out=f"{count(shown.start)} tokens of the shared prefix are not shown" if shown.start else "",
        note=note,
        title="Prompt",
    )


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
    weights = gates.shares if is_renormalised else gates.weights
    return tuple(GateRow(str(layer), gates.experts[layer], weights[layer]) for layer in range(len(gates.experts)))


def _of_layer(answer: Answer, layer: int) -> tuple[FloatArray, frozenset[int]]:
    """Router probabilities [E] of one layer, and the experts chosen."""
    return answer.router_probs[layer].astype(np.float64), frozenset(answer.experts[layer].tolist())
