"""A quiz in numbers, before any model is loaded."""

from pathlib import Path

import pytest

from moe_core.errors import QuizError
from moe_core.jobs.inspect_quiz import SubjectSummary, inspect_quiz
from moe_core.quizzes.benchmarks import load_quiz
from tests.job_results import result_of


def test_subjects_and_questions_are_counted() -> None:
    """The demo's subjects in the order of its questions, with their numbers and worked examples."""
    found, quiz = result_of(inspect_quiz("demo", offline=True)), load_quiz("demo", offline=True)
    assert found.n_questions == len(quiz.questions)
    assert [subject.name for subject in found.subjects] == list(dict.fromkeys(q.subject for q in quiz.questions))
    for subject in found.subjects:
        assert subject.n_questions == sum(q.subject == subject.name for q in quiz.questions)
        assert subject.n_shots == len(quiz.shots[subject.name]) > 0


def test_a_quiz_without_examples_has_no_shots(tmp_path: Path) -> None:
    """A file of questions alone."""
    (tmp_path / "q.csv").write_text("question,A,B,answer\nOne?,1,2,A\n", encoding="utf-8")
    found = result_of(inspect_quiz(str(tmp_path / "q.csv"), offline=True))
    assert found.subjects == (SubjectSummary("q", 1, 0),)


def test_what_was_read_with_reserve_is_said(tmp_path: Path) -> None:
    """No answers, and the column that may hold them."""
    (tmp_path / "q.csv").write_text("question,A,B,gold\nOne?,1,2,A\n", encoding="utf-8")
    found = result_of(inspect_quiz(str(tmp_path / "q.csv"), offline=True))
    assert not found.has_answers
    assert found.remarks == ("q.csv: the column gold may hold answers and is not used",)


def test_bad_rows_are_named(tmp_path: Path) -> None:
    """One sentence, one note per row."""
    (tmp_path / "q.csv").write_text("question,A,B,answer\nOne?,1,2,Z\n", encoding="utf-8")
    with pytest.raises(QuizError) as caught:
        result_of(inspect_quiz(str(tmp_path / "q.csv"), offline=True))
    assert len(caught.value.__notes__) == 1
