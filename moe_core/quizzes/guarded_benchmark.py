"""A source of questions of another package, whose failure is a sentence, and no failure of other quizzes."""

from moe_core.errors import MoeCoreError, QuizError, first_line
from moe_core.quizzes.benchmark import Benchmark
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.system.plugins import tell


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
