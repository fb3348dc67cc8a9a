"""The demo's quiz."""

from pathlib import Path

import pytest

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks.demo_quiz import DemoBenchmark


def test_the_demo_is_a_quiz_file_of_its_own_name(tmp_path: Path) -> None:
    """With its worked examples and its licence."""
    (tmp_path / "quiz.csv").write_text("question,A,B,C,D,answer,subject,id\nq,w,x,y,z,C,capitals,capitals/0\n")
    (tmp_path / "quiz_dev.csv").write_text("question,A,B,C,D,answer,subject,id\nd,w,x,y,z,A,capitals,d/0\n")
    quiz = DemoBenchmark(tmp_path).load("demo", offline=True)
    assert (quiz.name, quiz.licence, len(quiz.questions)) == ("demo", "Apache-2.0", 1)
    assert quiz.shots["capitals"][0].gold == 0


def test_only_the_word_demo_means_the_demo() -> None:
    """A file of that name is ./demo."""
    benchmark = DemoBenchmark()
    assert benchmark.accepts("demo")
    assert not benchmark.accepts("./demo")


def test_a_missing_demo_is_one_sentence(tmp_path: Path) -> None:
    """The installation is at fault, not the user."""
    with pytest.raises(QuizError, match="missing from this installation"):
        DemoBenchmark(tmp_path).load("demo", offline=True)
