"""Forward passes over questions, as they are planned: one after the other, or with all their answers in one pass."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from moe_core.models.inference.planning.pass_costs import PassCost
from moe_core.models.loading.memory import WIDENED
from moe_core.quizzes.prompting import TokenisedQuiz


@dataclass(frozen=True)
class Batch:
    """Questions asked in one forward pass: with their whole prompts, or each behind the keys and values of its prefix.

    That is then one of `prefixes`, which run together before. No questions at all: only these are to be run, since all
    their questions are recorded. `tellers`: those of the questions whose pass also tells of the prefix that their
    prompt begins with. `is_part`: of a batch that was planned and did not fit into the memory.
    """

    prefixes: tuple[int, ...]
    questions: tuple[int, ...]
    tellers: frozenset[int] = frozenset()
    is_part: bool = False

    @property
    def batches(self) -> tuple["Batch", ...]:
        """Itself, alone."""
        return (self,)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Two batches of half as many questions, in the same order; only where there are at least two."""
        middle = (len(self.questions) + 1) // 2
        first, second = (
            replace(self, questions=part, tellers=self.tellers.intersection(part), is_part=True)
            for part in (self.questions[:middle], self.questions[middle:])
        )
        return first, second

    def behind(self, prefixes: tuple[int, ...], tokenised: TokenisedQuiz) -> "Batch":
        """Those of the questions that stand behind some of the prefixes."""
        found = tuple(question for question in self.questions if int(tokenised.prefix_of[question]) in prefixes)
        return replace(self, prefixes=prefixes, questions=found, is_part=True)

    def lengths(self, tokenised: TokenisedQuiz) -> list[int]:
        """Tokens of each row of its pass."""
        return list(map(tokenised.own_length if self.prefixes else tokenised.prompt_length, self.questions))

    def n_behind(self, tokenised: TokenisedQuiz) -> int:
        """Tokens that stand before each row, those before shorter prefixes included."""
        return max(map(tokenised.prefix_length, self.prefixes), default=0)

    def width(self, tokenised: TokenisedQuiz) -> int:
        """Tokens that each row is attended to with, padding and what stands before it included."""
        return self.n_behind(tokenised) + max(self.lengths(tokenised), default=0)


@dataclass(frozen=True)
class AnswerGroup:
    """Batches whose answers are asked in one pass, where a run acts there alone: all else of them runs batch by batch.

    A pass over a token a row reads nearly all experts, and takes no longer for three times as many rows.
    """

    batches: tuple[Batch, ...]

    @property
    def prefixes(self) -> tuple[int, ...]:
        """Those of its batches, where they are the same."""
        first, *others = {batch.prefixes for batch in self.batches}
        return () if others else first

    @property
    def questions(self) -> tuple[int, ...]:
        """All of them, in their order."""
        return tuple(question for batch in self.batches for question in batch.questions)

    @property
    def tellers(self) -> frozenset[int]:
        """Those of all batches."""
        return frozenset[int]().union(*(batch.tellers for batch in self.batches))

    def halves(self) -> tuple["AnswerGroup", "AnswerGroup"]:
        """Half of the batches each, or of the questions of a single one."""
        parts = [replace(batch, is_part=True) for batch in self.batches]
        if len(parts) == 1:
            parts = list(parts[0].halves())
        middle = (len(parts) + 1) // 2
        return AnswerGroup(tuple(parts[:middle])), AnswerGroup(tuple(parts[middle:]))

    def behind(self, prefixes: tuple[int, ...], tokenised: TokenisedQuiz) -> "AnswerGroup":
        """Those of the questions that stand behind some of the prefixes."""
        parts = [batch.behind(prefixes, tokenised) for batch in self.batches]
        return AnswerGroup(tuple(part for part in parts if part.questions))


def answer_groups(
    batches: Sequence[Batch], tokenised: TokenisedQuiz, n_tokens: int, cost: PassCost
) -> list[AnswerGroup]:
    """Batches that follow each other, in groups whose answers cost the least to ask.

    The keys and values of a group are of at most so many tokens, and of three times as many where all rows are as wide
    as the widest, which is what one layer attends to at a time; a batch of more is a group by itself.
    """
    sizes = [(len(batch.questions), batch.width(tokenised)) for batch in batches]
    n = len(sizes)
    best, stops = [0.0] * (n + 1), [n] * n  # of the batches from here on
    for first in range(n - 1, -1, -1):
        best[first] = math.inf
        rows = held = longest = 0
        for stop, (more, width) in enumerate(sizes[first:], first + 1):
            rows, held, longest = rows + more, held + more * width, max(longest, width)
            if stop > first + 1 and (held > n_tokens or rows * longest > WIDENED * n_tokens):
                break
            total = cost.of_answers(rows, longest) + best[stop]
            if total < best[first]:
                best[first], stops[first] = total, stop
    groups, first = [], 0
    while first < n:
        groups.append(AnswerGroup(tuple(batches[first : stops[first]])))
        first = stops[first]
    return groups


Planned = Batch | AnswerGroup


def batches_of(planned: Iterable[Planned]) -> list[Batch]:
    """All of them, whether they are in groups or not."""
    return [batch for each in planned for batch in each.batches]


PassName = Batch | tuple[int, ...]
"""A batch, or prefixes that run together."""
