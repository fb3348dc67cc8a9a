"""A quiz as it was read: its questions, worked examples, and the fingerprint by which two are told to be the same."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from moe_core.quizzes.question import Question


@dataclass(frozen=True)
class Quiz:
    """The questions of one benchmark in their own order, with the worked examples of each subject.

    `name` is what the user typed minus any path ("mmlu", "demo", "my_quiz.csv"); `fingerprint` is the SHA-256
    of all questions and shots, so that two traces can be told to hold the same quiz. `shots_source` says where
    the worked examples are, or would have to be, to someone who asks for more of them. `remarks` are what a person
    should know of how it was read, a phrase each.
    """

    name: str
    source: str
    licence: str
    questions: tuple[Question, ...]
    shots: dict[str, tuple[Question, ...]] = field(default_factory=dict)
    fingerprint: str = ""
    shots_source: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def has_answers(self) -> bool:
        """Whether it says which choices are right; then all questions have an answer."""
        return any(question.gold is not None for question in self.questions)


def fingerprint(questions: Iterable[Question], shots: Mapping[str, Iterable[Question]]) -> str:
    """SHA-256 (hex) of all questions in order and of each subject's shots, in whatever order the subjects are."""
    content = {
        "questions": [_fields(question) for question in questions],
        "shots": {subject: [_fields(question) for question in examples] for subject, examples in shots.items()},
    }
    # ASCII escapes and sorted keys: one spelling for one content.
    canonical = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def shots_by_subject(examples: Iterable[Question]) -> dict[str, tuple[Question, ...]]:
    """Worked examples grouped by subject, each group in the order of the file."""
    groups: dict[str, list[Question]] = {}
    for example in examples:
        groups.setdefault(example.subject, []).append(example)
    return {subject: tuple(group) for subject, group in groups.items()}


def _fields(question: Question) -> list[object]:
    return [question.id, question.subject, question.text, list(question.choices), question.gold]
