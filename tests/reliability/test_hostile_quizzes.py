"""Whatever is in a quiz file, a quiz comes out of it that says what the file says, or one sentence and no code."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.question import MAX_CHOICES
from moe_core.quizzes.quiz import Quiz
from tests.reliability.quiz_fuzz import damaged_tables

GOOD = st.fixed_dictionaries(
    {
        "question": st.text("abc é\u2028", min_size=1).filter(str.strip),
        "choices": st.lists(st.text("xyz∑", min_size=1, max_size=6), min_size=2, max_size=11, unique=True),
    },
    optional={"answer": st.integers(0, 1), "note": st.just(5)},
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from("ABCD")
JSON = SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(st.text(max_size=5), SCALAR, max_size=2)
WORDS = st.text("abc é\t\u2028", min_size=1, max_size=5)
FAST = settings(
    max_examples=100, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
ROW = st.fixed_dictionaries(
    {"question": WORDS | JSON, "choices": st.lists(WORDS, min_size=2, max_size=11, unique=True) | JSON},
    optional={"answer": st.integers(0, 3) | JSON, "subject": JSON, "id": JSON, "note": JSON},
)


def loaded(path: Path) -> Quiz | None:
    """The quiz, checked for what every later step relies on; None where one sentence refuses it."""
    try:
        quiz = load_quiz(str(path), offline=True)
    except QuizError as error:
        sentence = str(error)
    else:
        sentence = ""
    if sentence:
        assert "\n" not in sentence
        assert str(path) in sentence
        return None
    assert quiz.questions
    assert len({question.id for question in quiz.questions}) == len(quiz.questions)
    for question in quiz.questions:
        assert 2 <= len(question.choices) <= MAX_CHOICES
        assert question.gold is None or 0 <= question.gold < len(question.choices)
        assert all(isinstance(text, str) and text.strip() for text in (question.text, *question.choices, question.id))
        assert len(set(question.choices)) == len(question.choices)
    return quiz


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@FAST
@given(content=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, suffix: str, content: bytes) -> None:
    """No suffix makes random bytes a quiz."""
    path = tmp_path / f"quiz{suffix}"
    path.write_bytes(content)
    assert loaded(path) is None


@FAST
@given(rows=st.lists(ROW, min_size=1, max_size=2) | st.lists(GOOD, min_size=1, max_size=3))
def test_any_json_values(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Numbers, lists and nothing in the place of text: each question that comes out is one that stands in the file."""
    path = tmp_path / "quiz.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8", errors="surrogatepass")
    quiz = loaded(path)
    event("a quiz" if quiz else "refused")
    for question, row in zip(quiz.questions, rows, strict=True) if quiz else ():
        assert question.text == row["question"]
        assert list(question.choices) == row["choices"]
        assert (question.gold is None) == (row.get("answer") is None or str(row["answer"]).strip() == "")


@FAST
@given(cells=st.lists(st.lists(st.text(max_size=10), min_size=1, max_size=7), min_size=1, max_size=6))
def test_any_csv_cells(tmp_path: Path, cells: list[list[str]]) -> None:
    """Below a right header, or as a header."""
    for header in (["question", "A", "B", "answer"], None):
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *cells] if header else cells)
        path = tmp_path / "quiz.csv"
        path.write_text(text.getvalue(), encoding="utf-8", errors="replace", newline="")
        loaded(path)


def test_damaged_tables(tmp_path: Path) -> None:
    """Parquet and Arrow files with a few wrong bytes; the library that reads them survives, and nothing is raised."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    outcome = damaged_tables(tmp_path, tries=300)
    assert outcome.failures == []
    assert outcome.notes["most MB"] < 500


def test_a_table_that_unpacks_to_any_size(tmp_path: Path) -> None:
    """A few kilobytes that claim a hundred million rows are refused unread."""
    rows = 30_000_000
    path = tmp_path / "bomb.parquet"
    repeated = pyarrow.DictionaryArray.from_arrays(pyarrow.nulls(rows, pyarrow.int32()), ["x"])
    parquet.write_table(pyarrow.table({"question": repeated}), path)
    assert path.stat().st_size < 100_000
    with pytest.raises(QuizError, match="30,000,000 rows"):
        load_quiz(str(path), offline=True)


def test_a_file_that_never_ends(tmp_path: Path) -> None:
    """A pipe in the place of a quiz is refused, not waited for."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs pipes with names")
    os.mkfifo(tmp_path / "quiz.csv")
    with pytest.raises(QuizError, match="no regular file"):
        load_quiz(str(tmp_path / "quiz.csv"), offline=True)
