"""Plain text without choices and answers, for what its tokens alone say: which experts they are routed to.

A .jsonl file holds an object a line with `text` or `prompt` (and maybe `id` and `subject`); a .txt file one text a
paragraph, or one a line where no blank line divides it. Its licence is its author's.
"""

import json
from pathlib import Path

from moe_core.errors import QuizError
from moe_core.numbers.formatting import elide
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz, fingerprint
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.text import read_text

TEXT_PREFIX = "text:"
_KEYS = ("text", "prompt")
_SHOWN = 30
"""Characters of what stands in a text's place."""


class TextFileBenchmark:
    """`--quiz text:FILE`; the model reads each text as it is and is asked nothing."""

    name = "text"
    syntax = "text:FILE.jsonl | text:FILE.txt"

    def accepts(self, quiz: str) -> bool:
        """Anything that begins with text:."""
        return quiz.startswith(TEXT_PREFIX)

    def load(self, quiz: str, *, offline: bool, answers_from: AnswersFrom | None = None) -> Quiz:
        """The file's texts as questions without choices; raises QuizError with one note per bad line."""
        path = Path(quiz.removeprefix(TEXT_PREFIX))
        if path.suffix.lower() not in (".jsonl", ".txt") or not path.is_file():
            raise QuizError(f"{path} is no .jsonl or .txt file that exists.")
        text = read_text(path)
        questions = _of_lines(path, text) if path.suffix.lower() == ".jsonl" else _of_paragraphs(path, text)
        return Quiz(
            name=path.name,
            source=str(path.resolve()),
            licence="as stated by its author",
            questions=questions,
            fingerprint=fingerprint(questions, {}),
        )


def _of_paragraphs(path: Path, text: str) -> tuple[Question, ...]:
    lines = [line.strip() for line in text.strip().split("\n")]
    parts = "\n".join(lines).split("\n\n") if "" in lines else lines
    texts = [part.strip() for part in parts if part.strip()]
    return tuple(Question(str(n), path.stem, part, (), None) for n, part in enumerate(texts))


def _of_lines(path: Path, text: str) -> tuple[Question, ...]:
    questions: list[Question] = []
    problems: list[str] = []
    ids: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            question = _of_object(line, str(len(questions)), path.stem)
            if question.id in ids:
                raise ValueError(f"the id {question.id!r} stands in an earlier line")
        except (ValueError, RecursionError) as error:
            problems.append(f"line {number}: {error}")
            continue
        ids.add(question.id)
        questions.append(question)
    if problems:
        refusal = QuizError(f"{path} has {len(problems):,} lines that hold no text.")
        for problem in problems:
            refusal.add_note(problem)
        raise refusal
    return tuple(questions)


def _of_object(line: str, number: str, subject: str) -> Question:
    """Raises ValueError that completes "line 3: .."."""
    try:
        row = json.loads(line)
    except ValueError:
        raise ValueError("it is no JSON object") from None
    if not isinstance(row, dict):
        raise ValueError("it is no JSON object")
    key = next((key for key in _KEYS if key in row), None)
    if key is None:
        raise ValueError(f"there is no {' or '.join(_KEYS)} in it")
    text = row[key]
    if not isinstance(text, str):
        raise ValueError(f"its {key} is {elide(json.dumps(text), _SHOWN)}, which is no text in quotes")
    if not text.strip():
        raise ValueError(f"its {key} is empty")
    return Question(str(row.get("id", number)), str(row.get("subject", subject)), text.strip(), (), None)
