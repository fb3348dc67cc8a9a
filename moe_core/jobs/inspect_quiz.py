"""The job that tells what a quiz holds: how many questions, which subjects, how many worked examples."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

from moe_core.benchmarks import load_quiz
from moe_core.jobs.events import Event, Stage


@dataclass(frozen=True)
class QuizSummary:
    """A quiz in numbers: `subjects` holds (name, questions) in quiz order; `max_shots` is what every subject has."""

    name: str
    n_questions: int
    subjects: tuple[tuple[str, int], ...]
    max_shots: int


def inspect_quiz(text: str, *, offline: bool) -> Generator[Event, None, QuizSummary]:
    """The summary of the quiz that `--quiz text` means; raises QuizError, one note per bad row."""
    yield Stage(f"Reading quiz {text}")
    quiz = load_quiz(text, offline=offline)
    counts = Counter(question.subject for question in quiz.questions)
    return QuizSummary(
        name=quiz.name,
        n_questions=len(quiz.questions),
        subjects=tuple(counts.items()),
        max_shots=min((len(quiz.shots.get(subject, ())) for subject in counts), default=0),
    )
