"""One forward pass over questions, as it is planned."""

from dataclasses import dataclass, replace

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


PassName = Batch | tuple[int, ...]
"""A batch, or prefixes that run together."""
