"""What the table of questions shows of a trace: its columns, in the order in which a narrow window shows them."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import theme
from app.content.grids.comparison_values import AnswerChanges
from app.content.note_editing import note_text
from app.widgets.filter.outcome_toggles import OutcomeMark
from moe_core.figures.array_table import ArrayTable, Cell, ColumnStyle
from moe_core.measures.question_table import OUTCOMES, Outcome, QuestionTable
from moe_core.numbers.formatting import NOTHING, finite, short, significant
from moe_core.quizzes.question import CHOICE_LETTERS

_MARKS = {
    Outcome.RIGHT: OutcomeMark("✓", "answered right", theme.RIGHT),
    Outcome.WRONG: OutcomeMark("✗", "answered wrong", theme.WRONG),
    Outcome.UNSCORED: OutcomeMark("○", "answered, but without a right choice in the quiz"),
    Outcome.FAILED: OutcomeMark("!", "that failed: the model gave no usable numbers", theme.WRONG),
    Outcome.MISSING: OutcomeMark(NOTHING, "not recorded yet"),
    Outcome.DAMAGED: OutcomeMark("?", "that are damaged: Resume asks them again", theme.WRONG),
}
MARKS = tuple(_MARKS[outcome] for outcome in OUTCOMES)
"""Symbol, words and colour of each outcome, as in OUTCOMES."""


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
    return f"{short(value, 6)} nats" if isfinite(value) else "no value"


_FLIPS = ((-1, "✓→✗", "right → wrong", theme.WRONG), (1, "✗→✓", "wrong → right", theme.RIGHT), (0, "", "", ""))
_MOST_CHOICES = 64


def _answer_code(changes: AnswerChanges) -> NDArray[np.int16]:
    """Prediction after and flip as one number [N] that sorts flips first, then by prediction; -1: not compared."""
    places = np.select([changes.flip == flip for flip, *_ in _FLIPS], range(len(_FLIPS)))
    codes = places * _MOST_CHOICES + np.minimum(changes.predicted, _MOST_CHOICES - 1)
    return np.where(changes.predicted < 0, -1, codes).astype(np.int16)


def _answer_after(code: int) -> str:
    if code < 0:
        return NOTHING
    return f"{_letter(code % _MOST_CHOICES)} {_FLIPS[code // _MOST_CHOICES][1]}".strip()


def _answer_after_in_words(code: int) -> str:
    if code < 0:
        return "not compared"
    return ", ".join(filter(None, (_letter(code % _MOST_CHOICES), _FLIPS[code // _MOST_CHOICES][2])))


def _answer_or_nothing(code: int) -> Cell:
    return None if code < 0 else _answer_after_in_words(code)


_signed = partial(significant, signed=True)
_choice = partial(ColumnStyle, shown=_letter, meaning=_letter, exported=_letter_or_nothing, nothing=-1, width=6)
_quantity = partial(ColumnStyle, shown=significant, meaning=_nats, exported=finite, is_number=True, width=9)

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
    ColumnStyle(
        "what_if",
        "What-if",
        "Predicted in the what-if",
        "The choice that the model finds likeliest in the what-if; ✓→✗ was right and became wrong, ✗→✓ the other way.",
        width=8,
        shown=_answer_after,
        meaning=_answer_after_in_words,
        exported=_answer_or_nothing,
        nothing=-1,
        colours={
            place * _MOST_CHOICES + choice: colour
            for place, (_, _, _, colour) in enumerate(_FLIPS)
            for choice in range(_MOST_CHOICES)
            if colour
        },
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
        "gold_change",
        "Δ ln p gold",
        "Change of log-probability of gold in the what-if (nats)",
        "Log-probability of the right choice in the what-if less that in the baseline: below 0 it became less likely.",
        shown=_signed,
        width=10,
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
    ColumnStyle("note", "Note", "Note", "Your bookmark (★) and note, kept in a plain file beside the trace.", width=12),
    ColumnStyle("id", "Id", "Id", "The question's name in the quiz.", width=16, is_hidden=True),
)
ELASTIC = "question"
LEADING = ("number", "outcome", "what_if")
"""The columns that a narrow window shows beside the elastic one."""
OF_WHAT_IF = frozenset({"what_if", "gold_change"})
"""The columns that only a what-if fills."""


def array_table(
    table: QuestionTable, changes: AnswerChanges | None = None, notes: Mapping[str, str] | None = None
) -> ArrayTable:
    """The table of a trace, as the list shows it, with what a what-if changed, and a person's notes by id."""
    n_questions = len(table.ids)
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {
        "number": np.arange(1, n_questions + 1),
        "outcome": table.outcome,
        "what_if": np.full(n_questions, -1, np.int16) if changes is None else _answer_code(changes),
        "question": table.texts,
        "subject": table.subjects,
        "margin": table.margin,
        "gold": table.gold,
        "predicted": table.predicted,
        "gold_logprob": table.gold_logprob,
        "gold_change": np.full(n_questions, np.nan) if changes is None else changes.gold_logprob,
        "entropy": table.entropy,
        "tokens": table.tokens,
        "note": [note_text(notes.get(name)) for name in table.ids] if notes else [""] * n_questions,
        "id": table.ids,
    }
    is_missing = np.isin(table.outcome, [OUTCOMES.index(kind) for kind in (Outcome.MISSING, Outcome.DAMAGED)])
    return ArrayTable(STYLES, tuple(columns[style.name] for style in STYLES), is_missing)
