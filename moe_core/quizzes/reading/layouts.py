"""The columns under which public quizzes are handed on: a row of the table each, so that nobody has to convert a file.

Names of columns are compared without regard to case, single letters in upper case; a record is one row by them.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from moe_core.quizzes.question import CHOICE_LETTERS
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.rows import RawRow

Record = Mapping[str, Any]

_LIKE_AN_ANSWER = re.compile(
    r"(^|[\W_])(labels?|golds?|golden|targets?|answer\w*|correct\w*|solutions?|truths?|keys?|cop)($|[\W_\d])"
)


@dataclass(frozen=True)
class Layout:
    """A quiz as its `source` writes it: `needs` tell it, `uses` are the other columns that `read` looks at.

    `answers_from` is how the source says that its numbers are counted, where it does. `ids` is the column that names
    rows (empty: none does), `subjects` that of their subject.
    """

    name: str
    source: str
    needs: tuple[str, ...]
    read: Callable[[Record], dict[str, Any]]
    uses: tuple[str, ...] = ()
    ids: str = "id"
    subjects: str = "subject"
    answers_from: AnswersFrom | None = None

    def row(self, number: int, record: Record) -> RawRow:
        return RawRow(
            number=number,
            subject=record.get(self.subjects),
            id=record.get(self.ids) if self.ids else None,
            **self.read(record),
        )

    def unused_answers(self, columns: Collection[str]) -> list[str]:
        """Columns that look like answers and are not looked at."""
        used = {*self.needs, *self.uses, self.ids, self.subjects}
        return sorted(name for name in columns if name not in used and _LIKE_AN_ANSWER.search(name))


def _labelled(question: str) -> Callable[[Record], dict[str, Any]]:
    """Choices as two lists, text and label, and the right label."""

    def read(record: Record) -> dict[str, Any]:
        choices = record.get("choices")
        if not isinstance(choices, Mapping):
            return _plain(record) | {"question": record.get(question), "answer": record.get("answerkey")}
        fields = {"question": record.get(question), "choices": choices.get("text"), "labels": choices.get("label")}
        return fields | {"answer": record.get("answerkey")}

    return read


def _stem(record: Record) -> dict[str, Any]:
    """Question and choices in one object, each choice an object of text and label."""
    inner = record.get("question")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("choices"), list):
        return _plain(record) | {"answer": record.get("answerkey")}
    choices = [choice if isinstance(choice, Mapping) else {} for choice in inner["choices"]]
    texts, labels = ([choice.get(key) for choice in choices] for key in ("text", "label"))
    return {"question": inner.get("stem"), "choices": texts, "labels": labels, "answer": record.get("answerkey")}


def _options(record: Record) -> dict[str, Any]:
    """The letter is the answer; the index beside it has to say the same."""
    letter, index = record.get("answer"), record.get("answer_index")
    told = isinstance(letter, str) and len(letter.strip()) == 1 and isinstance(index, int)
    differ = told and CHOICE_LETTERS.find(str(letter).strip().upper()) != index
    problem = f"the answer {letter!r} and the answer_index {index!r} name different choices" if differ else ""
    return _with_choices(record, "options") | {"problem": problem}


def _one_hot(record: Record) -> dict[str, Any]:
    """Choices with a 1 at the right one, and 0 elsewhere."""
    targets = record.get("mc1_targets")
    if not isinstance(targets, Mapping) or not isinstance(targets.get("labels"), list):
        return _plain(record) | {"problem": "mc1_targets holds no choices with labels"}
    fields = {"question": record.get("question"), "choices": targets.get("choices")}
    if sum(label == 1 for label in targets["labels"]) != 1:
        return fields | {"answer": None, "problem": "mc1_targets does not mark exactly one choice as right"}
    return fields | {"answer": targets["labels"].index(1)}


def _with_choices(record: Record, choices: str, question: str = "question", answer: str = "answer") -> dict[str, Any]:
    return {"question": record.get(question), "choices": record.get(choices), "answer": record.get(answer)}


def _plain(record: Record) -> dict[str, Any]:
    return _with_choices(record, "choices")


def _hellaswag(record: Record) -> dict[str, Any]:
    return _with_choices(record, "endings", "ctx", "label")


def _medmcqa(record: Record) -> dict[str, Any]:
    choices = [record.get(name) for name in ("opa", "opb", "opc", "opd")]
    return {"question": record.get("question"), "choices": choices, "answer": record.get("cop")}


def _letters(record: Record) -> dict[str, Any]:
    """A column for each choice; trailing empty ones mean that a row has fewer."""
    choices = [record[letter] for letter in takewhile(record.__contains__, CHOICE_LETTERS)]
    while choices and (choices[-1] is None or not str(choices[-1]).strip()):
        choices.pop()
    return {"question": record.get("question"), "choices": choices, "answer": record.get("answer")}


LETTER_COLUMNS = Layout(
    "C-Eval, CMMLU", "https://huggingface.co/datasets/ceval/ceval-exam", ("question", "A", "B"), _letters, ("answer",)
)
PLAIN = Layout("question, choices", "README", ("question", "choices"), _plain, ("answer",))

LAYOUTS = (
    Layout(
        "TruthfulQA, mc1",
        "https://huggingface.co/datasets/truthfulqa/truthful_qa",
        ("question", "mc1_targets"),
        _one_hot,
        ("mc2_targets",),
        answers_from=AnswersFrom.ZERO,
    ),
    Layout(
        "MMLU-Pro",
        "https://huggingface.co/datasets/TIGER-Lab/MMLU-Pro",
        ("question", "options", "answer_index"),
        _options,
        ("answer",),
        ids="question_id",
        subjects="category",
    ),
    Layout(
        "HellaSwag",
        "https://huggingface.co/datasets/Rowan/hellaswag",
        ("ctx", "endings"),
        _hellaswag,
        ("label",),
        ids="",
        subjects="activity_label",
    ),
    Layout(
        "MedMCQA",
        "https://huggingface.co/datasets/openlifescienceai/medmcqa",
        ("question", "opa", "opb", "opc", "opd"),
        _medmcqa,
        ("cop",),
        subjects="subject_name",
    ),
    Layout(
        "OpenBookQA",
        "https://huggingface.co/datasets/allenai/openbookqa",
        ("question_stem", "choices"),
        _labelled("question_stem"),
        ("answerkey",),
    ),
    Layout(
        "ARC, CommonsenseQA",
        "https://huggingface.co/datasets/allenai/ai2_arc",
        ("question", "choices", "answerkey"),
        _labelled("question"),
    ),
    Layout(
        "ARC, OpenBookQA and CommonsenseQA as first released",
        "https://allenai.org/data/arc",
        ("question", "answerkey"),
        _stem,
    ),
    Layout("question, options", "README", ("question", "options"), _options, ("answer",)),
    LETTER_COLUMNS,
    PLAIN,
)
"""The first whose columns are all there is the file's."""


def layout_of(columns: Collection[str]) -> Layout | None:
    """The layout of a file with these columns."""
    return next((layout for layout in LAYOUTS if set(layout.needs) <= set(columns)), None)


def column_name(text: str) -> str:
    """A column's name as layouts write it."""
    name = text.strip()
    return name.upper() if len(name) == 1 else name.lower()
