"""A quiz in numbers, before any model is loaded."""

from pathlib import Path

import pytest

from moe_core.benchmarks import load_quiz
from moe_core.errors import QuizError
from moe_core.jobs.inspect_quiz import inspect_quiz
from tests.job_results import result_of


def test_subjects_and_questions_are_counted() -> None:
    """The demo's subjects in the order of its questions, with their numbers and worked examples."""
    found, quiz = result_of(inspect_quiz("demo", offline=True)), load_quiz("demo", offline=True)
    assert found.n_questions == len(quiz.questions) == sum(count for _, count in found.subjects)
    assert [name for name, _ in found.subjects] == list(dict.fromkeys(q.subject for q in quiz.questions))
    assert found.max_shots == min(map(len, quiz.shots.values())) > 0


def test_a_quiz_without_examples_has_no_shots(tmp_path: Path) -> None:
    """A file of questions alone."""
    (tmp_path / "q.csv").write_text("question,A,B,answer\nOne?,1,2,A\n", encoding="utf-8")
    found = result_of(inspect_quiz(str(tmp_path / "q.csv"), offline=True))
    assert (found.n_questions, found.subjects, found.max_shots) == (1, (("q", 1),), 0)


def test_bad_rows_are_named(tmp_path: Path) -> None:
    """One sentence, one note per row."""
    (tmp_path / "q.csv").write_text("question,A,B,answer\nOne?,1,2,Z\n", encoding="utf-8")
    with pytest.raises(QuizError) as caught:
        result_of(inspect_quiz(str(tmp_path / "q.csv"), offline=True))
    assert len(caught.value.__notes__) == 1
