"""Which questions share a forward pass (length-sorted, under a token budget, one prefix at a time) and what it gives.

The order and size of batches have no effect on results beyond float noise: padding stands behind the last token, where
causal attention cannot see it. There is no noise either where a run is resumed, since its batches are planned as if
none of it were recorded.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord


@dataclass(frozen=True)
class Batch:
    """Questions asked in one forward pass, behind `prefix` (-1: none of their tokens are shared).

    No questions at all: only the prefix is to be run, since all its questions are recorded. `is_part`: of a batch that
    was planned and did not fit into the memory.
    """

    prefix: int
    questions: tuple[int, ...]
    is_part: bool = False

    def is_recorded(self, pending: Collection[int]) -> bool:
        """Whether there are questions, and none of them is pending."""
        return bool(self.questions) and not any(question in pending for question in self.questions)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Two batches of half as many questions, in the same order; only where there are at least two."""
        middle = (len(self.questions) + 1) // 2
        first, second = self.questions[:middle], self.questions[middle:]
        return Batch(self.prefix, first, is_part=True), Batch(self.prefix, second, is_part=True)


@dataclass(frozen=True)
class BatchRan:
    """A batch has run: the records of its questions, and of the prefixes that ran before them."""

    prefixes: tuple[PrefixRecord, ...]
    questions: tuple[QuestionRecord, ...]

    @property
    def records(self) -> tuple[PrefixRecord | QuestionRecord, ...]:
        """All of them, as a trace takes them."""
        return self.prefixes + self.questions


@dataclass(frozen=True)
class BatchHalved:
    """A batch did not fit into the memory and is asked in parts; results differ by no more than rounding."""

    n_questions: int
    n_part: int

    @property
    def text(self) -> str:
        """One sentence for the user."""
        return (
            f"{self.n_questions} questions at once are too many for the device's memory: going on with "
            f"{self.n_part} at once"
        )


Asked = BatchRan | BatchHalved


def plan_batches(tokenised: TokenisedQuiz, questions: Sequence[int], batch_tokens: int) -> Iterator[Batch]:
    """The batches that ask `questions`.

    Each holds at most `batch_tokens` tokens, padding and prefix included; a question longer than that gets a batch of
    its own. Prefixes come in the order of their first question; within one, the longest question comes first, so that
    a lack of memory shows at once.
    """
    by_prefix: dict[int, list[int]] = {}
    for question in questions:
        by_prefix.setdefault(int(tokenised.prefix_of[question]), []).append(question)
    for prefix, members in by_prefix.items():
        prefix_length = len(tokenised.prefixes[prefix]) if prefix >= 0 else 0
        yield from _split(tokenised, prefix, prefix_length, members, batch_tokens)


def pending_batches(batches: Sequence[Batch], questions: Collection[int], prefixes: Sequence[int]) -> Iterator[Batch]:
    """Those of `batches` that have a pending question, whole, and one without questions for each other pending prefix.

    A batch is run with its recorded questions too: in the same company a question gets the same numbers, bit for bit.
    """
    pending = [batch for batch in batches if not batch.is_recorded(questions)]
    asked = {batch.prefix for batch in pending}
    yield from (Batch(prefix, ()) for prefix in prefixes if prefix not in asked)
    yield from pending


def _split(
    tokenised: TokenisedQuiz, prefix: int, prefix_length: int, questions: list[int], batch_tokens: int
) -> Iterator[Batch]:
    longest_first = sorted(questions, key=lambda question: -len(tokenised.segments[question]))
    start = 0
    while start < len(longest_first):
        row_tokens = prefix_length + len(tokenised.segments[longest_first[start]])
        rows = max(1, batch_tokens // row_tokens)
        yield Batch(prefix, tuple(longest_first[start : start + rows]))
        start += rows
