"""Which choice each answer of a quiz file means: decided for the whole column before any row of it is read.

A number may be counted from 0 or from 1, a letter may stand for itself, a text may be a choice's: one row cannot tell,
the column mostly can. Where it cannot, one sentence says what the column looks like, and nothing is guessed.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from moe_core.errors import QuizError, Remedy
from moe_core.quizzes.question import CHOICE_LETTERS

_WHOLE = re.compile(r"-?[0-9]{1,2}(\.0+)?")
"""A whole number as tables write it: those of a column that had gaps end in .0."""
_MOST = 0.5
"""Where more answers than this share are wrong, and not one alone, the column is what is wrong."""
_BY_CHANCE = 0.01
"""A column of which chance would make one in a hundred is no chance."""
_HIDDEN = -1
"""What the hub writes for a label that is not public."""


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

_READINGS: dict[AnswersFrom, tuple[Reading, str]] = {
    AnswersFrom.LETTERS: (AnsweredRow.by_letter, "a letter"),
    AnswersFrom.TEXTS: (AnsweredRow.by_text, "the text of a choice"),
    AnswersFrom.ZERO: (AnsweredRow.from_zero, "an index"),
    AnswersFrom.ONE: (AnsweredRow.from_one, "a number counted from 1"),
}


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
                raise AnswerError(f"the answer {_shown(row.value)} is none of the labels {', '.join(row.labels)}")
            return index
        if self.reading is not None:
            read, name = _READINGS[self.reading]
            are_numbers = self.reading in (AnswersFrom.ZERO, AnswersFrom.ONE)
            index = row.by_letter() if are_numbers and row.number is None else read(row)
            if index is None:
                raise AnswerError(f"the answer {_shown(row.value)} is not {name} of {len(row.choices)} choices")
            return _refuse_equal(row, index) if self.reading is AnswersFrom.TEXTS else index
        return _any_reading(row)


def judge_column(rows: Sequence[AnsweredRow], file: str, asked: AnswersFrom | None = None) -> AnswerColumn:
    """How the answers of `rows` are to be read; `asked` is what a person says of them.

    Raises QuizError, in one sentence about the column, where it hides its answers, mixes letters with numbers, counts
    from 1, or can be read in two ways.
    """
    answered = [row for row in rows if not row.is_blank]
    if not answered or asked is AnswersFrom.NOTHING:
        return AnswerColumn(asked)
    if asked is None:
        _refuse_hidden(answered, file)
    _refuse_strange(answered, file, asked)
    if asked is not None:
        return AnswerColumn(asked, _always_the_same(AnswerColumn(asked), answered, file))
    if all(row.labels is not None for row in answered):
        return AnswerColumn(None, _all_the_same(answered, file))
    numbers = [row for row in answered if row.number is not None and row.by_text() is None]
    letters = [row for row in answered if row.by_letter() is not None and row.by_text() is None]
    if numbers and letters:
        raise QuizError(
            f"{file}: letters and numbers are mixed in the answers ({len(letters):,} like {_shown(letters[0].value)}, "
            f"{len(numbers):,} like {_shown(numbers[0].value)}): are the numbers counted from 0 or from 1?",
            Remedy.SAY_WHAT_ANSWERS_ARE,
        )
    are_numbers = bool(numbers) and all(row.number is not None for row in answered)
    remarks = _judge_numbers(answered, file) if are_numbers else ()
    return AnswerColumn(_only_reading(answered, file), (*remarks, *_all_the_same(answered, file)))


def _only_reading(rows: Sequence[AnsweredRow], file: str) -> AnswersFrom | None:
    """The one reading that fits every row; None where rows have to be read one by one."""
    golds = {
        reading: [read(row) for row in rows]
        for reading, (read, _) in _READINGS.items()
        if reading is not AnswersFrom.ONE
    }
    fitting = [reading for reading, found in golds.items() if None not in found]
    if len({tuple(golds[reading]) for reading in fitting}) < 2:
        return fitting[0] if fitting else None
    first, second = fitting[:2]
    n = sum(a != b for a, b in zip(golds[first], golds[second], strict=True))
    raise QuizError(
        f"{file}: every answer can be read as {_READINGS[first][1]} and as {_READINGS[second][1]}, and in {n:,} of "
        f"{len(rows):,} rows these are different choices: say how the answers are to be read.",
        Remedy.SAY_WHAT_ANSWERS_ARE,
    )


def _judge_numbers(rows: Sequence[AnsweredRow], file: str) -> tuple[str, ...]:
    """A remark on numbers that are read as counted from 0; refuses those that look counted from 1."""
    numbers = [row.number for row in rows if row.number is not None and row.number >= 0]
    if 0 in numbers or not numbers:
        return ()
    reaching = sum(row.number == len(row.choices) for row in rows)
    span = f"{min(numbers)} to {max(numbers)}"
    if reaching:
        raise QuizError(
            f"{file}: the answers are numbers from {span}, never 0, and {reaching:,} of {len(rows):,} are as large as "
            "their row has choices: they look counted from 1, while moescope counts from 0.",
            Remedy.COUNT_FROM_ONE,
        )
    chance = math.prod(1 - 1 / len(row.choices) for row in rows)
    if chance < 0.5:
        raise QuizError(
            f"{file}: the answers are numbers from {span}, and none of {len(rows):,} is 0: say whether they are "
            "counted from 0 or from 1.",
            Remedy.SAY_WHAT_ANSWERS_ARE,
        )
    return (f"{file}: the answers are read as numbers counted from 0, though none of them is 0",)


def _refuse_hidden(rows: Sequence[AnsweredRow], file: str) -> None:
    """Labels that were left out on purpose: -1 by the hub's habit, or one value that fits no choice anywhere."""
    hidden = sum(row.number == _HIDDEN and row.by_text() is None for row in rows)
    way_out = "remove the column to run without accuracy, or take a split that has its answers"
    if hidden == len(rows):
        raise QuizError(f"{file}: every answer is -1, which says that this split hides its answers: {way_out}.")
    if hidden > 1:
        raise QuizError(
            f"{file}: {hidden:,} of {len(rows):,} answers are -1, which says that they are hidden: take the rows that "
            "have answers into a file of their own, or remove the column to run without accuracy."
        )
    readings = (AnsweredRow.by_label, *(read for read, _ in _READINGS.values()))
    fits = any(read(row) is not None for row in rows for read in readings)
    if len(rows) > 1 and not fits and len({row.text for row in rows}) == 1:
        raise QuizError(f"{file}: every answer is {_shown(rows[0].value)}, which names no choice: {way_out}.")


def _refuse_strange(rows: Sequence[AnsweredRow], file: str, asked: AnswersFrom | None) -> None:
    """Answers of a form that fits none of the readings, or not the one asked for: the column is so, not a row of it."""
    column = AnswerColumn(asked)
    strange = [row for row in rows if not _fits(column, row)]
    if len(strange) < 2 or len(strange) <= _MOST * len(rows):
        return
    wanted = "a letter, an index counted from 0, or the text of a choice" if asked is None else _READINGS[asked][1]
    wanted = "one of its labels" if asked is None and strange[0].labels is not None else wanted
    raise QuizError(
        f"{file}: {len(strange):,} of {len(rows):,} answers, such as {_shown(strange[0].value)}, are not {wanted}: "
        "write them so, or remove the column to run without accuracy."
    )


def _fits(column: AnswerColumn, row: AnsweredRow) -> bool:
    """Whether the answer names a choice, be it several."""
    if column.reading is None and row.labels is None:
        return any(read(row) is not None for read, _ in _READINGS.values())
    try:
        return column.gold_index(row) is not None
    except AnswerError:
        return False


def _all_the_same(rows: Sequence[AnsweredRow], file: str) -> tuple[str, ...]:
    """A remark where every answer is the same one: so looks a column that was filled in for want of the true ones."""
    chance = math.prod(1 / len(row.choices) for row in rows[1:])
    if chance > _BY_CHANCE or len({row.text for row in rows}) > 1:
        return ()
    said = f"{file}: all {len(rows):,} answers are {_shown(rows[0].value)}"
    return (f"{said}: if that stands for answers that are not known, remove the column to run without accuracy",)


def _always_the_same(column: AnswerColumn, rows: Sequence[AnsweredRow], file: str) -> tuple[str, ...]:
    """A remark where the right choice always has the same letter, as in TruthfulQA, which lists it first."""
    right = {column.gold_index(row) if _fits(column, row) else None for row in rows}
    if len(right) > 1 or math.prod(1 / len(row.choices) for row in rows[1:]) > _BY_CHANCE or None in right:
        return ()
    letter = CHOICE_LETTERS[next(at for at in right if at is not None)]
    return (f"{file}: the right choice is always {letter}, and a model that always says {letter} would be right",)


def _any_reading(row: AnsweredRow) -> int:
    """The choice that the value means where it can only mean one."""
    found = {
        name: index
        for reading, (read, name) in _READINGS.items()
        if reading is not AnswersFrom.ONE and (index := read(row)) is not None
    }
    if len(set(found.values())) > 1:
        meanings = ", as ".join(f"{name} it means {CHOICE_LETTERS[index]}" for name, index in found.items())
        raise AnswerError(f"the answer {_shown(row.value)} is ambiguous: as {meanings}")
    if not found:
        raise AnswerError(_no_such_choice(row))
    index = next(iter(found.values()))
    return _refuse_equal(row, index) if list(found) == [_READINGS[AnswersFrom.TEXTS][1]] else index


def _refuse_equal(row: AnsweredRow, index: int) -> int:
    """A text that stands for two choices says of neither that it is the right one."""
    equal = [letter for letter, choice in zip(CHOICE_LETTERS, row.choices, strict=False) if choice.strip() == row.text]
    if len(equal) > 1:
        raise AnswerError(f"the answer {_shown(row.value)} is the text of the choices {' and '.join(equal)}")
    return index


def _no_such_choice(row: AnsweredRow) -> str:
    if not isinstance(row.value, str) and row.number is None:
        return f"the answer {_shown(row.value)} is neither a letter, nor an index, nor text"
    last = len(row.choices) - 1
    return (
        f"the answer {_shown(row.value)} is no letter A to {CHOICE_LETTERS[last]}, no index 0 to {last}, and no "
        "choice's text"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
