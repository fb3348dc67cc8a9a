"""How the answers of a quiz file are read: decided for the whole column before any row of it is read.

A number may be counted from 0 or from 1, a letter may stand for itself, a text may be a choice's: one row cannot tell,
the column mostly can. Where it cannot, one sentence says what the column looks like, and nothing is guessed.
"""

import math
from collections.abc import Sequence

from moe_core.errors import QuizError, Remedy
from moe_core.quizzes.question import CHOICE_LETTERS
from moe_core.quizzes.reading.answers import READINGS, AnswerColumn, AnsweredRow, AnswerError, AnswersFrom, shown

_MOST = 0.5
"""Where more answers than this share are wrong, and not one alone, the column is what is wrong."""
_BY_CHANCE = 0.01
"""A column of which chance would make one in a hundred is no chance."""
_HIDDEN = -1
"""What the hub writes for a label that is not public."""


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
            f"{file}: letters and numbers are mixed in the answers ({len(letters):,} like {shown(letters[0].value)}, "
            f"{len(numbers):,} like {shown(numbers[0].value)}): are the numbers counted from 0 or from 1?",
            Remedy.SAY_WHAT_ANSWERS_ARE,
        )
    are_numbers = bool(numbers) and all(row.number is not None for row in answered)
    remarks = _judge_numbers(answered, file) if are_numbers else ()
    return AnswerColumn(_only_reading(answered, file), (*remarks, *_all_the_same(answered, file)))


def _only_reading(rows: Sequence[AnsweredRow], file: str) -> AnswersFrom | None:
    """The one reading that fits every row; None where rows have to be read one by one."""
    golds = {
        reading: [read(row) for row in rows]
        for reading, (read, _) in READINGS.items()
        if reading is not AnswersFrom.ONE
    }
    fitting = [reading for reading, found in golds.items() if None not in found]
    if len({tuple(golds[reading]) for reading in fitting}) < 2:
        return fitting[0] if fitting else None
    first, second = fitting[:2]
    n = sum(a != b for a, b in zip(golds[first], golds[second], strict=True))
    raise QuizError(
        f"{file}: every answer can be read as {READINGS[first][1]} and as {READINGS[second][1]}, and in {n:,} of "
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
    readings = (AnsweredRow.by_label, *(read for read, _ in READINGS.values()))
    fits = any(read(row) is not None for row in rows for read in readings)
    if len(rows) > 1 and not fits and len({row.text for row in rows}) == 1:
        raise QuizError(f"{file}: every answer is {shown(rows[0].value)}, which names no choice: {way_out}.")


def _refuse_strange(rows: Sequence[AnsweredRow], file: str, asked: AnswersFrom | None) -> None:
    """Answers of a form that fits none of the readings, or not the one asked for: the column is so, not a row of it."""
    column = AnswerColumn(asked)
    strange = [row for row in rows if not _fits(column, row)]
    if len(strange) < 2 or len(strange) <= _MOST * len(rows):
        return
    wanted = "a letter, an index counted from 0, or the text of a choice" if asked is None else READINGS[asked][1]
    wanted = "one of its labels" if asked is None and strange[0].labels is not None else wanted
    raise QuizError(
        f"{file}: {len(strange):,} of {len(rows):,} answers, such as {shown(strange[0].value)}, are not {wanted}: "
        "write them so, or remove the column to run without accuracy."
    )


def _fits(column: AnswerColumn, row: AnsweredRow) -> bool:
    """Whether the answer names a choice, be it several."""
    if column.reading is None and row.labels is None:
        return any(read(row) is not None for read, _ in READINGS.values())
    try:
        return column.gold_index(row) is not None
    except AnswerError:
        return False


def _all_the_same(rows: Sequence[AnsweredRow], file: str) -> tuple[str, ...]:
    """A remark where every answer is the same one: so looks a column that was filled in for want of the true ones."""
    chance = math.prod(1 / len(row.choices) for row in rows[1:])
    if chance > _BY_CHANCE or len({row.text for row in rows}) > 1:
        return ()
    said = f"{file}: all {len(rows):,} answers are {shown(rows[0].value)}"
    return (f"{said}: if that stands for answers that are not known, remove the column to run without accuracy",)


def _always_the_same(column: AnswerColumn, rows: Sequence[AnsweredRow], file: str) -> tuple[str, ...]:
    """A remark where the right choice always has the same letter, as in TruthfulQA, which lists it first."""
    right = {column.gold_index(row) if _fits(column, row) else None for row in rows}
    if len(right) > 1 or math.prod(1 / len(row.choices) for row in rows[1:]) > _BY_CHANCE or None in right:
        return ()
    letter = CHOICE_LETTERS[next(at for at in right if at is not None)]
    return (f"{file}: the right choice is always {letter}, and a model that always says {letter} would be right",)
