"""What a source of questions must offer; each file of `benchmarks/` is one."""

from dataclasses import dataclass, field
from typing import Protocol

from moe_core.question import Question


@dataclass(frozen=True)
class Quiz:
    """The questions of one benchmark in their own order, with the worked examples of each subject.

    `name` is what the user typed minus any path ("mmlu", "demo", "my_quiz.csv"); `fingerprint` is the SHA-256
    of all questions and shots, so that two traces can be told to hold the same quiz.
    """

    name: str
    source: str
    licence: str
    questions: tuple[Question, ...]
    shots: dict[str, tuple[Question, ...]] = field(default_factory=dict)
    fingerprint: str = ""


class Benchmark(Protocol):
    """A source of questions, chosen by the text after `--quiz`."""

    name: str
    syntax: str

    def accepts(self, quiz: str) -> bool:
        """Whether this source understands the text after `--quiz`."""
        ...

    def load(self, quiz: str, *, offline: bool) -> Quiz:
        """The questions; raises QuizError with one note per bad row when any row cannot be used."""
        ...
