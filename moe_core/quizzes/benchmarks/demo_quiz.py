"""The quiz that comes with moescope, on which the demo model was trained (other questions, same facts)."""

from pathlib import Path

import moe_core
from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks.quiz_file import read_quiz_file
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom

# resources/ stands beside the packages, in a checkout as in a wheel.
DEMO_FOLDER = Path(moe_core.__file__).resolve().parent.parent / "resources" / "demo"


class DemoBenchmark:
    """`--quiz demo`: `resources/demo/quiz.csv` and its worked examples."""

    name = "demo"
    syntax = "demo"

    def __init__(self, folder: Path = DEMO_FOLDER) -> None:
        self._path = folder / "quiz.csv"

    def accepts(self, quiz: str) -> bool:
        """The word "demo" alone; a file of that name is ./demo."""
        return quiz == "demo"

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """The demo's questions, whose answers are letters; raises QuizError when the installation lacks them."""
        if not self._path.is_file():
            raise QuizError(f"The demo quiz is missing from this installation ({self._path}): reinstall moescope.")
        return read_quiz_file(self._path, name="demo", licence="Apache-2.0")
