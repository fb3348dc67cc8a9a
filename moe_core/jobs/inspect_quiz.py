"""The job that tells what a quiz holds: how many questions, which subjects, how many worked examples."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

from moe_core.jobs.events import Event, Stage
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.reading.answers import AnswersFrom


@dataclass(frozen=True)
class SubjectSummary:
    """One subject: how many questions and how many worked examples it has."""

    name: str
    n_questions: int
    n_shots: int


@dataclass(frozen=True)
class QuizSummary:
    """A quiz in numbers, its subjects in quiz order; `remarks` are what a person should know of how it was read."""

    name: str
    subjects: tuple[SubjectSummary, ...]
    remarks: tuple[str, ...] = ()
    has_answers: bool = True

    @property
    def n_questions(self) -> int:
        return sum(subject.n_questions for subject in self.subjects)


def inspect_quiz(
    text: str, *, offline: bool, answers_from: AnswersFrom | None = None
) -> Generator[Event, None, QuizSummary]:
    """The summary of the quiz that `--quiz text` means; raises QuizError, one note per bad row."""
    yield Stage(f"Reading quiz {text}")
    quiz = load_quiz(text, offline=offline, answers_from=answers_from)
    counts = Counter(question.subject for question in quiz.questions)
    subjects = (SubjectSummary(name, count, len(quiz.shots.get(name, ()))) for name, count in counts.items())
    return QuizSummary(quiz.name, tuple(subjects), quiz.remarks, quiz.has_answers)
