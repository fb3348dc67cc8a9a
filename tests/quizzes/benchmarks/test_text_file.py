"""Plain text as a source of questions without choices."""

from pathlib import Path

import pytest

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks import load_quiz


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One.\nTwo, of a line.\n", ("One.", "Two, of a line.")),
        ("One,\nof two lines.\n\n \nTwo.\n", ("One,\nof two lines.", "Two.")),
        ("One.\r\n\r\nTwo.", ("One.", "Two.")),
    ],
)
def test_a_text_file_holds_a_text_a_line_or_a_paragraph(tmp_path: Path, text: str, found: tuple[str, ...]) -> None:
    """Paragraphs where a blank line divides them."""
    path = tmp_path / "tale.txt"
    path.write_bytes(text.encode())
    quiz = load_quiz(f"text:{path}", offline=True)
    assert tuple(question.text for question in quiz.questions) == found
    assert {(question.subject, question.choices, question.gold) for question in quiz.questions} == {("tale", (), None)}
    assert [question.id for question in quiz.questions] == ["0", "1"]
    assert not quiz.has_answers


def test_lines_of_json_hold_text_or_prompt(tmp_path: Path) -> None:
    """With an id and a subject where they have one."""
    path = tmp_path / "code.jsonl"
    path.write_text('{"text": " a b "}\n\n{"prompt": "c", "id": 7, "subject": "poems"}\n', encoding="utf-8")
    found = [(q.id, q.subject, q.text) for q in load_quiz(f"text:{path}", offline=True).questions]
    assert found == [("0", "code", "a b"), ("7", "poems", "c")]


def test_bad_lines_are_named_all_at_once(tmp_path: Path) -> None:
    """Line and reason of each."""
    path = tmp_path / "bad.jsonl"
    lines = (
        '{"text": 3}',
        "[]",
        "no",
        '{"text": "x", "id": "a"}',
        '{"text": "y", "id": "a"}',
        '{"prompt": " "}',
        '{"t": ""}',
    )
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(QuizError, match="6 lines that hold no text") as refused:
        load_quiz(f"text:{path}", offline=True)
    assert refused.value.__notes__ == [
        "line 1: its text is 3, which is no text in quotes",
        "line 2: it is no JSON object",
        "line 3: it is no JSON object",
        "line 5: the id 'a' stands in an earlier line",
        "line 6: its prompt is empty",
        "line 7: there is no text or prompt in it",
    ]


@pytest.mark.parametrize("name", ["text:nothing.txt", "text:", "text:tale.csv"])
def test_what_is_no_text_file_is_one_sentence(name: str) -> None:
    """It says what there should be."""
    with pytest.raises(QuizError, match=r"no \.jsonl or \.txt file that exists"):
        load_quiz(name, offline=True)
