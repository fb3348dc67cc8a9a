"""Which choice a quiz file's answer means: a letter, an index counted from 0, or the text of a choice."""

import math
from collections.abc import Sequence

from moe_core.quizzes.question import CHOICE_LETTERS


class AnswerError(ValueError):
    """The answer fits no choice, or more than one; `str(error)` completes "line 3: .."."""


def gold_index(answer: object, choices: Sequence[str]) -> int | None:
    """Index of the right choice, None where there is no answer (None, NaN or blank).

    Numbers are indices counted from 0. Text may be a letter, the text of a choice (surrounding blanks aside) or
    digits; where these readings name different choices AnswerError says so, and nothing is guessed.
    """
    if answer is None or (isinstance(answer, float) and math.isnan(answer)):
        return None
    if isinstance(answer, str):
        return _index_of_text(answer.strip(), choices) if answer.strip() else None
    # A table with some answers missing holds whole numbers as floats.
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not float(answer).is_integer():
        raise AnswerError(f"the answer {_shown(answer)} is neither a letter, nor an index, nor text")
    return _checked_index(int(answer), choices)


def _index_of_text(answer: str, choices: Sequence[str]) -> int:
    readings = {
        "a letter": _letter_index(answer, choices),
        "the text of a choice": next((i for i, choice in enumerate(choices) if choice.strip() == answer), None),
        "an index": int(answer) if _is_index(answer) and int(answer) < len(choices) else None,
    }
    found = {reading: index for reading, index in readings.items() if index is not None}
    if len(set(found.values())) > 1:
        meanings = ", ".join(f"{reading} it means {CHOICE_LETTERS[index]}" for reading, index in found.items())
        raise AnswerError(f"the answer {_shown(answer)} is ambiguous: as {meanings.replace(', ', ', as ')}")
    if not found:
        raise AnswerError(_no_such_choice(answer, choices))
    return next(iter(found.values()))


def _letter_index(answer: str, choices: Sequence[str]) -> int | None:
    index = CHOICE_LETTERS.find(answer.upper()) if len(answer) == 1 else -1
    return index if 0 <= index < len(choices) else None


def _is_index(answer: str) -> bool:
    return answer.isascii() and answer.isdigit() and len(answer) <= 2


def _checked_index(index: int, choices: Sequence[str]) -> int:
    if not 0 <= index < len(choices):
        raise AnswerError(_no_such_choice(index, choices))
    return index


def _no_such_choice(answer: object, choices: Sequence[str]) -> str:
    last = CHOICE_LETTERS[len(choices) - 1]
    return (
        f"the answer {_shown(answer)} is no letter A to {last}, no index 0 to {len(choices) - 1}, and no choice's text"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
