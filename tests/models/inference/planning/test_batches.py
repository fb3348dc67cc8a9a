"""Which questions share a pass: each is asked once, each prefix is told of once, and a run goes on by its own plan."""

import numpy as np
import pytest

from moe_core.errors import RunError
from moe_core.jobs.runs.run_plan import BATCH_TOKENS
from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.planning.batches import Wanted, pending_batches, plan_batches, plan_cost, tokens_run
from moe_core.models.inference.planning.pass_costs import pass_cost
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from tests.bench.mmlu_sized import N_QUESTIONS, first, sized_quiz

BUDGET = 400


def quiz_of(prefixes: tuple[int, ...], members: tuple[int, ...], *, alone: int = 3) -> TokenisedQuiz:
    """Questions behind prefixes of these lengths, so many behind each, and some that share nothing."""
    draw = np.random.default_rng(3)
    prefix_of = [number for number, count in enumerate(members) for _ in range(count)] + [-1] * alone
    draw.shuffle(prefix_of)
    segments = tuple(np.zeros(int(draw.integers(5, 60)), np.int32) for _ in prefix_of)
    return TokenisedQuiz(
        questions=tuple(Question(f"q/{n}", "s", "?", ("x", "y"), 0) for n in range(len(prefix_of))),
        prefixes=tuple(np.zeros(length, np.int32) for length in prefixes),
        prefix_of=np.array(prefix_of, dtype=np.int32),
        segments=segments,
        target_ids=np.zeros((len(prefix_of), 2), np.int32),
    )


MIXED = quiz_of((90, 4, 6, 2), (12, 3, 9, 1))


def told_prefixes(batches: list[Batch]) -> list[int]:
    """The prefixes that questions tell of, batch by batch."""
    return [int(MIXED.prefix_of[teller]) for batch in batches for teller in batch.tellers]


@pytest.mark.parametrize(("plan", "weight"), [(1, 1.0), (2, 1.0), (3, 1 / 8), (4, 1 / 8), (5, 1 / 8)])
def test_every_question_is_asked_once_within_the_budget(plan: int, weight: float) -> None:
    """Padding counts, and so does the prefix behind which a batch runs, or an eighth of it."""
    batches = plan_batches(MIXED, range(len(MIXED.questions)), BUDGET, "cpu", plan)
    assert sorted(question for batch in batches for question in batch.questions) == list(range(len(MIXED.questions)))
    for batch in batches:
        longest = weight * batch.n_behind(MIXED) + max(batch.lengths(MIXED))
        assert len(batch.questions) * longest <= BUDGET
        assert all(not batch.prefixes or MIXED.prefix_of[n] in batch.prefixes for n in batch.questions)


def test_every_prefix_is_run_alone_or_told_of_by_one_question() -> None:
    """The long one is shared; the short ones stand before each of their questions, one of which tells of them."""
    batches = plan_batches(MIXED, range(len(MIXED.questions)), BUDGET, "cpu")
    shared = {batch.prefixes for batch in batches} - {()}
    assert shared == {(0,)}
    assert sorted(told_prefixes(batches)) == [1, 2, 3]
    assert any(len({int(MIXED.prefix_of[n]) for n in batch.questions}) > 2 for batch in batches)  # subjects are mixed


ALL_SHARED = "0:13,12,0 0:2,4,8 0:6,9 1:15,7,1 :3,11 2:5,14,10"
JOINED_BEHIND = "0:13,12,0 0:2,4,8,6,9 2:5,14,10 :15+,3,7,1,11"
OF_BEFORE = {
    (1, "cpu", False): ALL_SHARED,
    (1, "cuda", False): ALL_SHARED,
    (2, "cpu", False): "0:13 0:12,0 0:2,4,8 0:6,9 2:5,14 2:10 :15+ :3,7 :1,11",
    (2, "cpu", True): "0:13,12,0 0:2,4,8 0:6,9 2:5,14,10 :15+,3,7,1,11",
    (2, "cuda", False): ":13+,12 :0,2,4 :8,6,9 :5+,14,10 :15+,3,7,1,11",
    (3, "cpu", False): "0:13 0:12,0 0:2,4,8,6,9 2:5,14 2:10 :15+ :3,7 :1,11",
    (3, "cpu", True): JOINED_BEHIND,
    (3, "cuda", False): "0:13,12,0,2,4,8,6,9 :5+,14,10 :15+,3,7,1,11",
}
"""What moescope 0.6.0 planned of `OLD_QUIZ`: prefix and questions of each batch, + behind one that tells of its own."""
OLD_QUIZ = TokenisedQuiz(
    questions=tuple(Question(f"q/{n}", "s", "?", ("x", "y"), 0) for n in range(16)),
    prefixes=tuple(np.zeros(length, np.int32) for length in (1200, 6, 1100)),
    prefix_of=np.array([0, 1, 0, -1, 0, 2, 0, 1, 0, 0, 2, -1, 0, 0, 2, 1], dtype=np.int32),
    segments=tuple(
        np.zeros(length, np.int32) for length in (30, 12, 21, 40, 21, 60, 20, 33, 21, 20, 18, 5, 50, 90, 45, 300)
    ),
    target_ids=np.zeros((16, 2), np.int32),
)


@pytest.mark.parametrize(
    ("plan", "device", "joins"), [*OF_BEFORE, (4, "cpu", False), (4, "cpu", True), (4, "cuda", False)]
)
def test_plans_of_before_are_as_they_were(plan: int, device: str, joins: bool) -> None:
    """Known answers, since runs that were begun go on by them; the fourth is the third, and joins no batches."""
    batches = plan_batches(OLD_QUIZ, range(16), 4096, device, plan, joins=joins)
    told = [
        f"{','.join(map(str, batch.prefixes))}:"
        + ",".join(f"{question}{'+' * (question in batch.tellers)}" for question in batch.questions)
        for batch in batches
    ]
    assert " ".join(told) == OF_BEFORE[min(plan, 3), device, joins and plan < 4]


def test_what_is_left_is_run_as_whole_batches() -> None:
    """A batch runs with its recorded questions; a prefix that is missing alone brings the batch that tells of it."""
    batches = plan_batches(MIXED, range(len(MIXED.questions)), BUDGET, "cpu")
    mixed = next(batch for batch in batches if batch.tellers)
    one = Wanted(frozenset(mixed.questions[:1]), frozenset())
    assert list(pending_batches(batches, MIXED, one)) == [mixed]
    told = Wanted(frozenset(), frozenset(map(int, MIXED.prefix_of[list(mixed.tellers)])))
    assert list(pending_batches(batches, MIXED, told)) == [mixed]
    assert list(pending_batches(batches, MIXED, Wanted(frozenset(), frozenset({0})))) == [Batch((0,), ())]
    assert not list(pending_batches(batches, MIXED, Wanted(frozenset(), frozenset())))


def test_tokens_that_run_are_counted_with_and_without_padding() -> None:
    """Known answer: a prefix once where it is shared, with every question where it is not."""
    quiz = quiz_of((90, 4), (2, 1), alone=0)
    own = [quiz.own_length(n) for n in range(3)]
    behind = [n for n in range(3) if quiz.prefix_of[n] == 0]
    other = next(n for n in range(3) if quiz.prefix_of[n] == 1)
    ran = tokens_run([Batch((0,), tuple(behind)), Batch((), (other,))], quiz)
    assert ran.real == 90 + sum(own) + 4
    assert ran.padded == 90 + 2 * max(own[n] for n in behind) + own[other] + 4


def test_halves_keep_their_tellers() -> None:
    """Each teller is in the half that has its question."""
    mixed = next(batch for batch in plan_batches(MIXED, range(28), BUDGET, "cpu") if batch.tellers)
    first, second = mixed.halves()
    assert first.tellers | second.tellers == mixed.tellers
    assert first.tellers <= set(first.questions)
    assert second.tellers <= set(second.questions)


def test_the_plan_of_a_newer_moescope_is_refused() -> None:
    """In one sentence, since its batches cannot be told."""
    with pytest.raises(RunError, match="planned by a newer moescope"):
        plan_batches(MIXED, [0], BUDGET, "cpu", 99)


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize(
    ("shots", "n_questions"), [(5, N_QUESTIONS), (5, 4_000), (5, 500), (0, N_QUESTIONS), (0, 3_000), (0, 100)]
)
def test_mixing_prefixes_never_costs_more(shots: int, n_questions: int, device: str) -> None:
    """With as many prompts as MMLU has, as long as its own; questions once, prefixes of a pass for it alone."""
    quiz = first(sized_quiz(shots), n_questions) if n_questions < N_QUESTIONS else sized_quiz(shots)
    budget, cost = BATCH_TOKENS[device.partition(":")[0]], pass_cost(device)
    apart, mixed = (plan_batches(quiz, range(n_questions), budget, device, plan) for plan in (4, 5))
    assert sorted(question for batch in mixed for question in batch.questions) == list(range(n_questions))
    groups = {batch.prefixes for batch in mixed}
    assert len({prefix for group in groups for prefix in group}) == sum(map(len, groups))
    assert plan_cost(mixed, quiz, cost) <= (0.97 if n_questions > 1_000 else 1) * plan_cost(apart, quiz, cost)
    if shots and device.startswith("cuda"):
        assert plan_cost(mixed, quiz, cost) < 0.85 * plan_cost(apart, quiz, cost)
        ran = [tokens_run(batches, quiz) for batches in (apart, mixed)]
        assert ran[1].padded / ran[1].real < ran[0].padded / ran[0].real


@pytest.mark.parametrize("shots", [0, 5])
def test_little_is_padded_on_a_cpu(shots: int) -> None:
    """Under 3 % of what runs: of as many prompts as MMLU has, of 500 of them, and of the smallest subject."""
    quiz, some = sized_quiz(shots), np.random.default_rng(0).choice(N_QUESTIONS, 500, replace=False)
    smallest = np.flatnonzero(quiz.prefix_of == np.bincount(quiz.prefix_of).argmin())
    for questions in (np.arange(N_QUESTIONS), np.sort(some), smallest):
        ran = tokens_run(plan_batches(quiz, questions.tolist(), BATCH_TOKENS["cpu"], "cpu"), quiz)
        assert ran.padded - ran.real < 0.03 * ran.padded


def test_a_prefix_that_is_left_brings_those_that_run_with_it() -> None:
    """Known answer: in the same company it gets the same numbers."""
    batches = [Batch((0, 2), (0, 1)), Batch((1, 3), (2,))]
    wanted = Wanted(frozenset(), frozenset({2, 3}))
    assert list(pending_batches(batches, MIXED, wanted)) == [Batch((0, 2), ()), Batch((1, 3), ())]
    with_question = Wanted(frozenset({1}), frozenset({2, 3}))
    assert list(pending_batches(batches, MIXED, with_question)) == [Batch((1, 3), ()), batches[0]]
