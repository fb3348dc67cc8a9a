"""Every source of questions, in the order in which they are offered and asked whether they know a quiz."""

from moe_core.errors import QuizError
from moe_core.quizzes.benchmark import Benchmark, GuardedBenchmark
from moe_core.quizzes.benchmarks.demo_quiz import DemoBenchmark
from moe_core.quizzes.benchmarks.mmlu import MmluBenchmark
from moe_core.quizzes.benchmarks.quiz_file import QuizFileBenchmark
from moe_core.quizzes.benchmarks.text_file import TextFileBenchmark
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.system.plugins import plugins

_BUILT_IN: list[Benchmark] = [MmluBenchmark(), DemoBenchmark(), TextFileBenchmark(), QuizFileBenchmark()]
_OF_OTHERS = plugins("quizzes", lambda made: isinstance(made, Benchmark), [source.name for source in _BUILT_IN])
BENCHMARKS: tuple[Benchmark, ...] = (*_BUILT_IN, *map(GuardedBenchmark, _OF_OTHERS))


def load_quiz(text: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
    """The quiz that `--quiz text` means; raises QuizError when no source knows it, or its rows cannot be used."""
    for benchmark in BENCHMARKS:
        if benchmark.accepts(text):
            return benchmark.load(text, offline=offline, answers_from=answers_from)
    raise QuizError(
        f"{text!r} is no quiz: use mmlu, mmlu:PATH, demo, or the path of a .csv, .jsonl or .parquet file that exists; "
        "text:PATH reads plain text."
    )
