"""What a source of questions must offer; each file of `benchmarks/` is one."""

from typing import Protocol, runtime_checkable

from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom


@runtime_checkable
class Benchmark(Protocol):
    """A source of questions, chosen by the text after `--quiz`."""

    name: str
    syntax: str

    def accepts(self, quiz: str) -> bool:
        """Whether this source understands the text after `--quiz`."""
        ...

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """The questions; raises QuizError with one note per bad row when any row cannot be used.

        `answers_from` says how answers are to be read, where a person knows and the source leaves it open.
        """
        ...
