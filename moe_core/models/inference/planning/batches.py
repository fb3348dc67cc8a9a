"""Which prompts share a forward pass (length-sorted, under a token budget), which prefixes are shared, what it gives.

The order and size of batches have no effect on results beyond float noise: padding stands behind the last token, where
causal attention cannot see it. There is no noise either where a run is resumed, since its batches are planned as if
none of it were recorded, by the plan with which it was begun.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from moe_core.errors import RunError
from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.planning.batch import Batch, Planned, answer_groups, batches_of
from moe_core.models.inference.planning.pass_costs import (
    PassCost,
    alike,
    cheapest_rows,
    filled_rows,
    pass_cost,
    sharing_pays,
)
from moe_core.models.loading.memory import HELD_BATCHES
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord
from moe_core.traces.specification import NEWEST_BATCH_PLAN

NO_INTERVENTION = Intervention()
BEHIND_ROOM = 1 / 8
"""The room that a token of a shared prefix counts for before each row of a batch: its keys and values lie there while
one layer attends to them, and nothing is computed for it."""
JOINED_ANSWERS = 4
"""The first plan that asks the answers of several batches in one pass, where a run acts at the answer alone."""
UNLIKE = (1.05, 1.3, math.inf)
"""How much longer than the shortest the longest of prefixes may be that run together: what is tried."""


@dataclass(frozen=True)
class Wanted:
    """Whose records are to be yielded."""

    questions: frozenset[int]
    prefixes: frozenset[int]

    def of(self, batch: Planned, tokenised: TokenisedQuiz) -> bool:
        """Whether a batch or group gives any of them, or has no questions, and so was planned for its prefix alone."""
        if not batch.questions or not self.questions.isdisjoint(batch.questions):
            return True
        return any(int(tokenised.prefix_of[teller]) in self.prefixes for teller in batch.tellers)


@dataclass(frozen=True, eq=False)
class Prompts:
    """What a model is asked: the records of `questions` and `prefixes` of a quiz, each once, in these batches.

    `pending` names those of the questions whose records are missing, None: all. Only they are given, with the same
    numbers as if all were asked.
    """

    tokenised: TokenisedQuiz
    questions: Sequence[int]
    prefixes: Sequence[int]
    batch_tokens: int
    keep_tokens: bool
    intervention: Intervention = NO_INTERVENTION
    pending: Collection[int] | None = None
    batch_plan: int = NEWEST_BATCH_PLAN

    @property
    def wanted(self) -> "Wanted":
        """Whose records are to be given."""
        return Wanted(frozenset(self.questions if self.pending is None else self.pending), frozenset(self.prefixes))

    def batches(self, device: str) -> list[Batch]:
        """All of them on a device of this kind, whatever is pending."""
        return plan_batches(
            self.tokenised,
            self.questions,
            self.batch_tokens,
            device,
            self.batch_plan,
            joins=self.intervention.at_answer,
        )

    def planned(self, device: str) -> Sequence[Planned]:
        """The same as they are asked: in groups where the fourth plan or a later one acts at the answer alone."""
        batches = self.batches(device)
        if self.batch_plan < JOINED_ANSWERS or not self.intervention.at_answer:
            return batches
        held = HELD_BATCHES.get(device.partition(":")[0], HELD_BATCHES["cpu"])
        return answer_groups(batches, self.tokenised, held * self.batch_tokens, pass_cost(device))


@dataclass(frozen=True)
class BatchRan:
    """A batch has run: the records of its questions, and of the prefixes that ran before them.

    `node` names the machine where that was, empty for this one.
    """

    prefixes: tuple[PrefixRecord, ...]
    questions: tuple[QuestionRecord, ...]
    node: str = ""

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


@dataclass(frozen=True)
class BatchesUnderWay:
    """Nothing has come back for a while from batches that run elsewhere; `text` is what there is to say, if any."""

    text: str = ""


Asked = BatchRan | BatchHalved | BatchesUnderWay


def plan_batches(
    tokenised: TokenisedQuiz,
    questions: Sequence[int],
    batch_tokens: int,
    device: str,
    plan: int = NEWEST_BATCH_PLAN,
    *,
    joins: bool = False,
) -> list[Batch]:
    """The batches that ask `questions` on a device of this kind.

    Each holds at most `batch_tokens` tokens, padding and the prefix's share included; a question longer than that gets
    a batch of its own. Among prompts of one kind the longest come first, so that a lack of memory shows at once.

    `joins` puts the same questions into as few batches as may be, for runs that ask of most tokens but once: then the
    number of passes costs more than what they pad. From the fourth plan on it does nothing (see `Prompts.planned`).

    The first plan runs every prefix once and never mixes prompts of two prefixes; the second does so only where it
    pays, and cuts batches where that costs the least; the third counts a token of a prefix an eighth behind each row,
    and four times as much for a pass on a CPU; in the fifth, prefixes of like length run together, and so do the rows
    behind them, as far as that costs less; the fourth is for models that give something else then. Raises RunError for
    the plan of a newer moescope.
    """
    by_prefix: dict[int, list[int]] = {}
    for question in questions:
        by_prefix.setdefault(int(tokenised.prefix_of[question]), []).append(question)
    match plan:
        case 1:
            found = _always_sharing(tokenised, by_prefix, batch_tokens)
        case 2 | 3 | 4:
            apart, cost = [(prefix,) for prefix in by_prefix if prefix >= 0], pass_cost(device, plan)
            room = 1 if plan == 2 else BEHIND_ROOM
            found = _sharing_where_it_pays(tokenised, by_prefix, apart, batch_tokens, cost, room)
        case 5:
            found = iter(_cheapest_mix(tokenised, by_prefix, batch_tokens, pass_cost(device)))
        case _:
            raise RunError("The batches of this run were planned by a newer moescope: go on with it there.")
    return _joined(found, tokenised, batch_tokens) if joins and plan < JOINED_ANSWERS else list(found)


@dataclass(frozen=True)
class TokensRun:
    """What forward passes run: real tokens, and with padding. A prefix that is repeated counts each time."""

    real: int
    padded: int


def tokens_run(batches: Sequence[Batch], tokenised: TokenisedQuiz) -> TokensRun:
    """The tokens of these batches and of the prefixes that run before them."""
    passes = [lengths for lengths, _ in _passes(batches, tokenised)]
    return TokensRun(sum(map(sum, passes)), sum(len(lengths) * max(lengths) for lengths in passes))


def plan_cost(batches: Sequence[Batch], tokenised: TokenisedQuiz, cost: PassCost) -> float:
    """What these batches, and the prefixes that run before them, cost, in tokens; padding weighs as where it is cut."""
    return sum(cost.of_rows(lengths, n_before) for lengths, n_before in _passes(batches, tokenised))


def _passes(batches: Sequence[Batch], tokenised: TokenisedQuiz) -> list[tuple[list[int], int]]:
    """The tokens of each row of all passes, prefixes' own included, and how many stand before the rows of each."""
    groups = {batch.prefixes for batch in batches if batch.prefixes}
    passes = [(list(map(tokenised.prefix_length, prefixes)), 0) for prefixes in groups]
    return passes + [(batch.lengths(tokenised), batch.n_behind(tokenised)) for batch in batches if batch.questions]


def pending_batches(planned: Sequence[Planned], tokenised: TokenisedQuiz, wanted: Wanted) -> Iterator[Planned]:
    """Those that give what is wanted, whole, and batches without questions for all other wanted prefixes.

    A batch or group is run with its recorded questions too, and a prefix with those that it is planned with: in the
    same company they get the same numbers, bit for bit.
    """
    pending = [each for each in planned if wanted.of(each, tokenised)]
    told = {int(tokenised.prefix_of[teller]) for each in planned for teller in each.tellers}
    told |= {prefix for batch in batches_of(pending) for prefix in batch.prefixes}
    company = {prefix: batch.prefixes for batch in batches_of(planned) for prefix in batch.prefixes}
    missing = [company.get(prefix, (prefix,)) for prefix in sorted(wanted.prefixes - told)]
    yield from (Batch(prefixes, ()) for prefixes in dict.fromkeys(missing))
    yield from pending


def _joined(batches: Iterable[Batch], tokenised: TokenisedQuiz, batch_tokens: int) -> list[Batch]:
    found: list[Batch] = []
    for batch in batches:
        last = found[-1] if found else None
        if last is not None and last.prefixes == batch.prefixes and last.questions and batch.questions:
            both = replace(last, questions=last.questions + batch.questions, tellers=last.tellers | batch.tellers)
            if len(both.questions) * both.width(tokenised) <= batch_tokens:
                found[-1] = both
                continue
        found.append(batch)
    return found


def _always_sharing(tokenised: TokenisedQuiz, by_prefix: Mapping[int, list[int]], batch_tokens: int) -> Iterator[Batch]:
    for prefix, members in by_prefix.items():
        longest_first = _longest_first(members, tokenised.own_length)
        lengths = [tokenised.own_length(question) for question in longest_first]
        rows = filled_rows(lengths, tokenised.prefix_length(prefix), batch_tokens)
        yield from _cut((prefix,) if prefix >= 0 else (), longest_first, rows)


def _cheapest_mix(
    tokenised: TokenisedQuiz, by_prefix: Mapping[int, list[int]], batch_tokens: int, cost: PassCost
) -> list[Batch]:
    """Of the ways to let prefixes run together, those of more or less like length, the cheapest."""
    apart: list[tuple[int, ...]] = [(prefix,) for prefix in by_prefix if prefix >= 0]
    lengths = [tokenised.prefix_length(prefix) for (prefix,) in apart]
    ways = [
        [tuple(apart[place][0] for place in group) for group in alike(lengths, batch_tokens, unlike)]
        for unlike in UNLIKE
    ]
    found = [
        list(_sharing_where_it_pays(tokenised, by_prefix, groups, batch_tokens, cost, BEHIND_ROOM, always=always))
        for groups, always in [*((way, False) for way in (apart, *ways)), (ways[-1], True)]
    ]
    return min(found, key=lambda batches: plan_cost(batches, tokenised, cost))


def _sharing_where_it_pays(
    tokenised: TokenisedQuiz,
    by_prefix: Mapping[int, list[int]],
    groups: Iterable[tuple[int, ...]],
    batch_tokens: int,
    cost: PassCost,
    room: float,
    *,
    always: bool = False,
) -> Iterator[Batch]:
    mixed = list(by_prefix.get(-1, ()))
    for prefixes in groups:
        members = [question for prefix in prefixes for question in by_prefix[prefix]]
        longest_first = _longest_first(members, tokenised.own_length)
        lengths = [tokenised.own_length(question) for question in longest_first]
        longest = max(map(tokenised.prefix_length, prefixes))
        rows = cheapest_rows(lengths, math.ceil(room * longest), batch_tokens, cost)
        repeated = sum(map(tokenised.prompt_length, members))
        if always or sharing_pays(len(prefixes), longest, repeated, lengths, rows, batch_tokens, cost):
            yield from _cut(prefixes, longest_first, rows)
        else:
            mixed += members
    mixed = _longest_first(mixed, tokenised.prompt_length)
    first_of = {int(tokenised.prefix_of[question]): question for question in reversed(mixed)}
    told = frozenset(question for prefix, question in first_of.items() if prefix >= 0)
    rows = cheapest_rows([tokenised.prompt_length(question) for question in mixed], 0, batch_tokens, cost)
    for batch in _cut((), mixed, rows):
        yield replace(batch, tellers=told.intersection(batch.questions))


def _longest_first(questions: Sequence[int], length: Callable[[int], int]) -> list[int]:
    return sorted(questions, key=lambda question: -length(question))


def _cut(prefixes: tuple[int, ...], questions: Sequence[int], rows: Sequence[int]) -> Iterator[Batch]:
    start = 0
    for count in rows:
        yield Batch(prefixes, tuple(questions[start : start + count]))
        start += count
