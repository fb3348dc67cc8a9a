"""Which choice an answer of a quiz file means, where it is known how its column is read."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from moe_core.quizzes.question import CHOICE_LETTERS

_WHOLE = re.compile(r"-?[0-9]{1,2}(\.0+)?")
"""A whole number as tables write it: those of a column that had gaps end in .0."""


class AnswersFrom(StrEnum):
    """How the answers of a column are read: as a person says, where the column does not say it itself."""

    ZERO = "0"
    ONE = "1"
    LETTERS = "letters"
    TEXTS = "texts"
    NOTHING = "nothing"


class AnswerError(ValueError):
    """The answer fits no choice, or more than one; `str(error)` completes "line 3: .."."""


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """What a row answers: its value as it stands in the file, its choices, and the labels that the row gives them."""

    value: object
    choices: tuple[str, ...]
    labels: tuple[str, ...] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether there is no answer: None, NaN or blanks."""
        value = self.value
        return value is None or value != value or (isinstance(value, str) and not value.strip())

    @property
    def text(self) -> str:
        """The value as text, without blanks around it."""
        return self.value.strip() if isinstance(self.value, str) else str(self.value)

    @property
    def number(self) -> int | None:
        """The value as a whole number, where it is one; a table with gaps holds whole numbers as floats."""
        value = self.value
        if isinstance(value, str):
            return int(float(value)) if _WHOLE.fullmatch(value.strip()) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return int(value) if float(value).is_integer() else None

    def by_letter(self) -> int | None:
        """The choice whose letter the value is."""
        return self._choice(CHOICE_LETTERS.find(self.text.upper()) if len(self.text) == 1 else None)

    def by_text(self) -> int | None:
        """The first choice whose text the value is; numbers are no texts."""
        if not isinstance(self.value, str):
            return None
        return next((at for at, choice in enumerate(self.choices) if choice.strip() == self.text), None)

    def from_zero(self) -> int | None:
        """The choice whose number, counted from 0, the value is."""
        return self._choice(self.number)

    def from_one(self) -> int | None:
        """The choice whose number, counted from 1, the value is."""
        return None if self.number is None else self._choice(self.number - 1)

    def by_label(self) -> int | None:
        """The choice that the row itself labels so."""
        return self.labels.index(self.text) if self.labels and self.text in self.labels else None

    def _choice(self, index: int | None) -> int | None:
        return index if index is not None and 0 <= index < len(self.choices) else None


Reading = Callable[[AnsweredRow], int | None]

READINGS: dict[AnswersFrom, tuple[Reading, str]] = {
    AnswersFrom.LETTERS: (AnsweredRow.by_letter, "a letter"),
    AnswersFrom.TEXTS: (AnsweredRow.by_text, "the text of a choice"),
    AnswersFrom.ZERO: (AnsweredRow.from_zero, "an index"),
    AnswersFrom.ONE: (AnsweredRow.from_one, "a number counted from 1"),
}
"""How a value is read, and what it is then, in words."""


@dataclass(frozen=True)
class AnswerColumn:
    """How every answer of one column is read. `remarks` say what a person should know of it.

    `reading` None: row by row, as whatever the value can only be.
    """

    reading: AnswersFrom | None
    remarks: tuple[str, ...] = ()

    def gold_index(self, row: AnsweredRow) -> int | None:
        """Index of the right choice, None without an answer; raises AnswerError where it names no choice."""
        if row.is_blank or self.reading is AnswersFrom.NOTHING:
            return None
        if row.labels is not None:
            if (index := row.by_label()) is None:
                raise AnswerError(f"the answer {shown(row.value)} is none of the labels {', '.join(row.labels)}")
            return index
        if self.reading is not None:
            read, name = READINGS[self.reading]
            are_numbers = self.reading in (AnswersFrom.ZERO, AnswersFrom.ONE)
            index = row.by_letter() if are_numbers and row.number is None else read(row)
            if index is None:
                raise AnswerError(f"the answer {shown(row.value)} is not {name} of {len(row.choices)} choices")
            return _refuse_equal(row, index) if self.reading is AnswersFrom.TEXTS else index
        return _any_reading(row)


def _any_reading(row: AnsweredRow) -> int:
    """The choice that the value means where it can only mean one."""
    found = {
        name: index
        for reading, (read, name) in READINGS.items()
        if reading is not AnswersFrom.ONE and (index := read(row)) is not None
    }
    if len(set(found.values())) > 1:
        meanings = ", as ".join(f"{name} it means {CHOICE_LETTERS[index]}" for name, index in found.items())
        raise AnswerError(f"the answer {shown(row.value)} is ambiguous: as {meanings}")
    if not found:
        raise AnswerError(_no_such_choice(row))
    index = next(iter(found.values()))
    return _refuse_equal(row, index) if list(found) == [READINGS[AnswersFrom.TEXTS][1]] else index


def _refuse_equal(row: AnsweredRow, index: int) -> int:
    """A text that stands for two choices says of neither that it is the right one."""
    equal = [letter for letter, choice in zip(CHOICE_LETTERS, row.choices, strict=False) if choice.strip() == row.text]
    if len(equal) > 1:
        raise AnswerError(f"the answer {shown(row.value)} is the text of the choices {' and '.join(equal)}")
    return index


def _no_such_choice(row: AnsweredRow) -> str:
    if not isinstance(row.value, str) and row.number is None:
        return f"the answer {shown(row.value)} is neither a letter, nor an index, nor text"
    last = len(row.choices) - 1
    return (
        f"the answer {shown(row.value)} is no letter A to {CHOICE_LETTERS[last]}, no index 0 to {last}, and no "
        "choice's text"
    )


def shown(value: object) -> str:
    """An answer as it stands in the file, for a sentence; a long one is cut."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
