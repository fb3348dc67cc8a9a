"""What holds for every source of questions."""

import subprocess
import sys

import pytest

from moe_core.errors import QuizError
from moe_core.quizzes.benchmark import Benchmark
from moe_core.quizzes.benchmarks import BENCHMARKS, load_quiz


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_a_benchmark_names_itself_and_what_it_reads(benchmark: Benchmark) -> None:
    """Shown in help texts and menus."""
    assert benchmark.name
    assert benchmark.syntax


@pytest.mark.parametrize("text", ["", "mmlu2", "demo2", "\0", "no/such/file"])
def test_what_no_benchmark_knows_is_one_sentence(text: str) -> None:
    """It names what there is."""
    with pytest.raises(QuizError, match="use mmlu, mmlu:PATH, demo"):
        load_quiz(text, offline=True)


def test_reading_a_quiz_imports_no_model_library() -> None:
    """MMLU's Arrow files are read without datasets, transformers and torch."""
    code = (
        "import sys; from moe_core.quizzes.benchmarks import load_quiz; load_quiz('mmlu', offline=True); "
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
