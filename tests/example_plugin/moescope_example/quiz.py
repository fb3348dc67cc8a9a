"""A quiz of another package: sums, as many as its name says."""

from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom


class Sums:
    """`--quiz sums:N`."""

    name = "sums"
    syntax = "sums:N"

    def accepts(self, quiz: str) -> bool:
        """Whether it is called so."""
        return quiz.startswith("sums:")

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """The first N sums."""
        n = int(quiz.removeprefix("sums:"))
        questions = [Question(f"sum-{a}", "sums", f"{a} + 1 =", (str(a), str(a + 1)), 1) for a in range(n)]
        return Quiz("sums", quiz, "CC0-1.0", tuple(questions))


SUMS = Sums()
