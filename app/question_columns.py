"""What the table of questions shows of a trace: its columns, in the order in which a narrow window shows them."""

from collections.abc import Sequence
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import theme
from app.widgets.array_table import ArrayTable, Cell, ColumnStyle
from app.widgets.outcome_toggles import OutcomeMark
from moe_core.number_text import NOTHING, significant
from moe_core.question import CHOICE_LETTERS
from moe_core.question_table import OUTCOMES, Outcome, QuestionTable

_MARKS = {
    Outcome.RIGHT: OutcomeMark("✓", "answered right", theme.RIGHT),
    Outcome.WRONG: OutcomeMark("✗", "answered wrong", theme.WRONG),
    Outcome.UNSCORED: OutcomeMark("○", "answered, but without a right choice in the quiz"),
    Outcome.FAILED: OutcomeMark("!", "that failed: the model gave no usable numbers", theme.WRONG),
    Outcome.MISSING: OutcomeMark(NOTHING, "not recorded yet"),
}
MARKS = tuple(_MARKS[outcome] for outcome in OUTCOMES)
"""Symbol, words and colour of each outcome, as in OUTCOMES."""


def _shown(value: float) -> str:
    return significant(value).replace("-", "−")


def _number(value: float) -> Cell:
    return float(value) if isfinite(value) else None


def _whole(value: int) -> Cell:
    return int(value)


def _letter(choice: int) -> str:
    if choice < 0:
        return NOTHING
    return CHOICE_LETTERS[choice] if choice < len(CHOICE_LETTERS) else str(choice + 1)


def _letter_or_nothing(choice: int) -> Cell:
    return None if choice < 0 else _letter(choice)


def _outcome(place: int) -> str:
    return OUTCOMES[place].value


def _symbol(place: int) -> str:
    return MARKS[place].symbol


def _nats(value: float) -> str:
    return f"{value:.6g} nats" if isfinite(value) else "no value"


_choice = partial(ColumnStyle, shown=_letter, meaning=_letter, exported=_letter_or_nothing, nothing=-1, width=6)
_quantity = partial(ColumnStyle, shown=_shown, meaning=_nats, exported=_number, is_number=True, width=9)

STYLES = (
    ColumnStyle(
        "number",
        "#",
        "Number",
        "Place of the question in the quiz, counted from 1.",
        width=5,
        exported=_whole,
        is_number=True,
    ),
    ColumnStyle(
        "outcome",
        "✓",
        "Outcome",
        "How the question ended: " + ", ".join(f"{_MARKS[kind].symbol} {kind.value}" for kind in OUTCOMES) + ".",
        width=2,
        shown=_symbol,
        meaning=_outcome,
        exported=_outcome,
        colours={place: mark.colour for place, mark in enumerate(MARKS) if mark.colour},
    ),
    ColumnStyle("question", "Question", "Question", "What is asked, without its choices.", width=24),
    ColumnStyle("subject", "Subject", "Subject", "The quiz's own name of the subject.", width=8, wide_width=20),
    _quantity(
        "margin",
        "Margin",
        "Margin (nats)",
        "Log-probability of the right choice less that of the best other one: above 0 the answer is right, "
        "near 0 it was a close call.",
        width=7,
    ),
    _choice("gold", "Gold", "Gold", "The right choice, as the quiz says."),
    _choice("predicted", "Pred.", "Predicted", "The choice that the model finds likeliest."),
    _quantity(
        "gold_logprob",
        "ln p gold",
        "Log-probability of gold (nats)",
        "Natural logarithm of the probability that the model gives the right choice: 0 is certain.",
    ),
    _quantity(
        "entropy",
        "Entropy",
        "Entropy at the answer (nats)",
        "How evenly the answer position spreads over its top-k experts, mean over layers: 0 is one expert alone.",
    ),
    ColumnStyle(
        "tokens",
        "Tokens",
        "Tokens",
        "Length of the whole prompt, the shared prefix included.",
        width=7,
        exported=_whole,
        is_number=True,
    ),
    ColumnStyle("id", "Id", "Id", "The question's name in the quiz.", width=16, is_hidden=True),
)
ELASTIC = "question"
LEADING = ("number", "outcome", "subject", "margin")
"""The columns that a narrow window shows beside the elastic one."""


def array_table(table: QuestionTable) -> ArrayTable:
    """The table of a trace, as the list shows it."""
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {
        "number": np.arange(1, len(table.ids) + 1),
        "outcome": table.outcome,
        "question": table.texts,
        "subject": table.subjects,
        "margin": table.margin,
        "gold": table.gold,
        "predicted": table.predicted,
        "gold_logprob": table.gold_logprob,
        "entropy": table.entropy,
        "tokens": table.tokens,
        "id": table.ids,
    }
    is_missing = table.outcome == OUTCOMES.index(Outcome.MISSING)
    return ArrayTable(STYLES, tuple(columns[style.name] for style in STYLES), is_missing)
