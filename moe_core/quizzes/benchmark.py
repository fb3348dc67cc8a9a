"""What a source of questions must offer; each file of `benchmarks/` is one, and other packages may add some."""

from typing import Protocol, runtime_checkable

from moe_core.errors import MoeCoreError, QuizError, first_line
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.system.plugins import tell


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


class GuardedBenchmark:
    """Asks the source of another package; it knows no quiz where it fails at saying so."""

    def __init__(self, source: Benchmark) -> None:
        self._source = source
        self.name, self.syntax = source.name, source.syntax

    def accepts(self, quiz: str) -> bool:
        """Whether it understands the text after `--quiz`."""
        try:
            return bool(self._source.accepts(quiz))
        except Exception as error:  # noqa: BLE001  # code of strangers
            tell(self.name, f"it failed ({first_line(error)})")
            return False

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """The questions; raises QuizError for whatever goes wrong."""
        try:
            return self._source.load(quiz, offline=offline, answers_from=answers_from)
        except MoeCoreError:
            raise
        except Exception as error:
            raise QuizError(f"The quiz source {self.name} of another package failed ({first_line(error)}).") from error
