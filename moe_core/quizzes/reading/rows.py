"""From a quiz file's raw rows to questions; every row that cannot be used is reported, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from moe_core.errors import QuizError
from moe_core.quizzes.question import CHOICE_LETTERS, MAX_CHOICES, MIN_CHOICES, Question
from moe_core.quizzes.reading.answers import AnswerColumn, AnsweredRow, AnswerError, AnswersFrom
from moe_core.quizzes.reading.judging import judge_column

MAX_FIELD_CHARACTERS = 1_000_000
MAX_SHOWN_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file, unchecked; `number` is its line as an editor counts, or its row, from 1.

    `labels` are what the row itself calls its choices, where it does: then its answer is one of them. `problem` is what
    its layout found wrong with it.
    """

    number: int
    question: object
    choices: object
    answer: object
    subject: object = None
    id: object = None
    labels: object = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row cannot be used."""

    number: int
    reason: str


@dataclass(frozen=True)
class RawTable:
    """All rows of one file, and the rows that could not even be split into fields; `unit` is "line" or "row".

    `answers_from` is how the source of its layout says that answers are to be read; `remarks` is what a person should
    know of how the file was read.
    """

    file: str
    unit: str
    rows: Sequence[RawRow]
    problems: list[RowProblem] = field(default_factory=list)
    answers_from: AnswersFrom | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadQuestions:
    """The questions of a table, how its answers were read, and what a person should know of that."""

    questions: tuple[Question, ...]
    answers: AnswerColumn
    remarks: tuple[str, ...]


class _RowError(ValueError):
    """A reason not to use the row at hand."""


def build_questions(
    table: RawTable, *, stem: str, subject: str, answers_from: AnswersFrom | None = None
) -> ReadQuestions:
    """The table's questions; raises QuizError with one note per bad row, and for a file without any row.

    Rows without an id get `<stem>/<index>`, counted from 0; rows without a subject get `subject`. Answers may be
    absent from all rows, not from some; `answers_from` says how to read them where a person knows.
    """
    problems = list(table.problems)
    checked: list[tuple[RawRow, Question, AnsweredRow]] = []
    for index, row in enumerate(table.rows):
        try:
            checked.append((row, *_question(row, default_id=f"{stem}/{index}", subject=subject)))
        except _RowError as error:
            problems.append(RowProblem(row.number, str(error)))
    answers = judge_column([given for _, _, given in checked], table.file, answers_from or table.answers_from)
    questions: list[Question] = []
    rows: list[RawRow] = []
    for row, question, given in checked:
        try:
            gold = answers.gold_index(given)
            questions.append(Question(question.id, question.subject, question.text, question.choices, gold))
            rows.append(row)
        except AnswerError as error:
            problems.append(RowProblem(row.number, str(error)))
    problems += _repeated_ids(questions, rows, table.unit) + _missing_answers(questions, rows)
    if problems:
        raise bad_rows_error(table.file, table.unit, problems, n_rows=len(table.rows) + len(table.problems))
    if not questions:
        raise QuizError(f"{table.file} holds no question.")
    return ReadQuestions(tuple(questions), answers, (*table.remarks, *answers.remarks))


def equal_choices_remark(questions: Sequence[Question]) -> str:
    """How many questions have choices that cannot be told apart; empty where none has."""
    n = sum(len({choice.strip() for choice in question.choices}) < len(question.choices) for question in questions)
    if not n:
        return ""
    return f"{n:,} question{'s have' if n > 1 else ' has'} equal choices, asked as they stand"


def bad_rows_error(file: str, unit: str, problems: Sequence[RowProblem], *, n_rows: int) -> QuizError:
    """One sentence that counts the bad rows, with a note for each of the first 50 in the order of the file.

    Where all rows have the same problem, it is the file's, and there is nothing to say of single ones.
    """
    reasons = {problem.reason for problem in problems}
    if len(reasons) == 1 and len(problems) == n_rows > 1:
        return QuizError(f"{file}: in all {n_rows:,} rows {problems[0].reason}; nothing was run.")
    error = QuizError(
        f"{file}: {len(problems)} problem{'s' if len(problems) > 1 else ''} in {n_rows} "
        f"row{'s' if n_rows > 1 else ''}; mend or remove the rows named below, nothing was run."
    )
    ordered = sorted(problems, key=lambda problem: problem.number)
    for problem in ordered[:MAX_SHOWN_PROBLEMS]:
        error.add_note(f"{file}, {unit} {problem.number}: {problem.reason}.")
    if len(ordered) > MAX_SHOWN_PROBLEMS:
        error.add_note(f"{file}: {len(ordered) - MAX_SHOWN_PROBLEMS} more not shown.")
    return error


def _question(row: RawRow, *, default_id: str, subject: str) -> tuple[Question, AnsweredRow]:
    """The question, its right choice not looked at yet, and what there is to look at."""
    if row.problem:
        raise _RowError(row.problem)
    question = Question(
        id=_label(row.id, "the id") or default_id,
        subject=_label(row.subject, "the subject") or subject,
        text=_text(row.question, "the question"),
        choices=_choices(row.choices),
        gold=None,
    )
    return question, AnsweredRow(row.answer, question.choices, _choice_labels(row.labels, len(question.choices)))


def _choices(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _RowError("the choices are not a list of texts")
    if not MIN_CHOICES <= len(value) <= MAX_CHOICES:
        raise _RowError(f"the number of choices is {len(value)}, not {MIN_CHOICES} to {MAX_CHOICES}")
    return tuple(_text(choice, f"choice {letter}") for letter, choice in zip(CHOICE_LETTERS, value, strict=False))


def _choice_labels(value: object, n_choices: int) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != n_choices:
        raise _RowError(f"the labels are not one for each of {n_choices} choices")
    labels = tuple(_label(label, "a label") for label in value)
    if len(set(labels)) < n_choices or not all(labels):
        raise _RowError(f"the labels {', '.join(labels)} do not tell the choices apart")
    return labels


def _text(value: object, name: str) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise _RowError(f"{name} is empty")
    if not isinstance(value, str):
        raise _RowError(f"{name} is not text but {type(value).__name__}")
    if len(value) > MAX_FIELD_CHARACTERS:
        raise _RowError(f"{name} is longer than {MAX_FIELD_CHARACTERS:,} characters")
    if "\0" in value:
        raise _RowError(f"{name} holds a NUL character")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise _RowError(f"{name} holds half a surrogate pair, which no UTF-8 text can")
    return value


def _label(value: object, name: str) -> str:
    # Ids are often plain numbers; an empty cell means the default.
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    label = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value, name).strip()
    if len(label.splitlines()) > 1:
        raise _RowError(f"{name} holds a line break")
    return label


def _repeated_ids(questions: Sequence[Question], rows: Sequence[RawRow], unit: str) -> list[RowProblem]:
    first: dict[str, int] = {}
    repeated = []
    for question, row in zip(questions, rows, strict=True):
        earlier = first.setdefault(question.id, row.number)
        if earlier != row.number:
            repeated.append(RowProblem(row.number, f"the id {question.id!r} is also that of {unit} {earlier}"))
    return repeated


def _missing_answers(questions: Sequence[Question], rows: Sequence[RawRow]) -> list[RowProblem]:
    missing = [row.number for question, row in zip(questions, rows, strict=True) if question.gold is None]
    if len(missing) == len(questions):
        return []
    return [RowProblem(number, "no answer, while other rows have one") for number in missing]
