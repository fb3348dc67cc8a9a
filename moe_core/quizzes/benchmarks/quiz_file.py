"""A quiz of one's own: a CSV, JSONL or parquet file, with worked examples in a second file beside it."""

import os
from pathlib import Path

from moe_core.errors import QuizError
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz, fingerprint, shots_by_subject
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.rows import build_questions, equal_choices_remark
from moe_core.quizzes.reading.tables import READERS, read_table

_SUPPORTED = "a .csv, .jsonl or .parquet file"


class QuizFileBenchmark:
    """`--quiz PATH`; shots come from `<stem>_dev.<suffix>` in the same folder, when that file is there."""

    name = "file"
    syntax = "FILE.csv | FILE.jsonl | FILE.parquet"

    def accepts(self, quiz: str) -> bool:
        """Anything that ends like a quiz file, or names something on disk."""
        return Path(quiz).suffix.lower() in READERS or os.path.exists(quiz)

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """The file's questions; raises QuizError."""
        return read_quiz_file(Path(quiz), answers_from=answers_from)


def read_quiz_file(
    path: Path, *, name: str = "", licence: str = "as stated by its author", answers_from: AnswersFrom | None = None
) -> Quiz:
    """The quiz of one file and its shots; raises QuizError with one note per bad row."""
    _check_file(path)
    read = build_questions(read_table(path), stem=path.stem, subject=path.stem, answers_from=answers_from)
    questions = read.questions
    shots_path = path.with_name(f"{path.stem}_dev{path.suffix}")
    shots = shots_by_subject(_read_shots(shots_path, path.stem, read.answers.reading) if shots_path.exists() else ())
    return Quiz(
        name=name or path.name,
        source=str(path.resolve()),
        licence=licence,
        questions=questions,
        shots=shots,
        fingerprint=fingerprint(questions, shots),
        shots_source=str(shots_path),
        remarks=tuple(filter(None, (*read.remarks, equal_choices_remark(questions)))),
    )


def _read_shots(path: Path, subject: str, answers_from: AnswersFrom | None) -> tuple[Question, ...]:
    """The worked examples; numbers among their answers, which are few, count as those of the quiz do."""
    counted = answers_from if answers_from in (AnswersFrom.ZERO, AnswersFrom.ONE) else None
    shots = build_questions(read_table(path), stem=path.stem, subject=subject, answers_from=counted).questions
    if shots[0].gold is None:
        raise QuizError(f"{path} holds worked examples without answers: add the column answer, or remove the file.")
    return shots


def _check_file(path: Path) -> None:
    if os.path.isdir(path):
        raise QuizError(f"{path} is a folder: a quiz is {_SUPPORTED}; a folder of MMLU files is read as mmlu:{path}.")
    if not os.path.exists(path):
        raise QuizError(f"{path} does not exist: a quiz is {_SUPPORTED}.")
    if path.suffix.lower() not in READERS:
        raise QuizError(f"{path} ends in {path.suffix or 'no suffix'}: a quiz is {_SUPPORTED}.")
