"""Answers of several batches in one pass: as each alone but for rounding, and the same bits in every kind of run."""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.workers.batch_tasks import planned_tasks
from moe_core.jobs.workers.packed_batch import packed
from moe_core.models.inference import answer_alone
from moe_core.models.inference.forward_passes import ask, ask_batches
from moe_core.models.inference.kept.kept_passes import KeptPasses, keep_passes
from moe_core.models.inference.planning.batch import AnswerGroup, Batch, answer_groups, batches_of
from moe_core.models.inference.planning.batches import (
    BatchesUnderWay,
    BatchHalved,
    BatchRan,
    Prompts,
    pending_batches,
    plan_batches,
)
from moe_core.models.inference.planning.pass_costs import pass_cost
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord, Status
from tests.jobs.workers.test_batch_tasks import bits, by_number
from tests.models.inference.planning.test_batches import quiz_of as long_quiz_of
from tests.models.inference.test_answer_alone import MASKS, own_logits
from tests.models.inference.test_device_failures import OUT_OF_MEMORY, FailingForward
from tests.models.inference.test_forward_passes import loaded, quiz_of
from tests.tiny_models import build_tiny

BATCH_TOKENS = 60
MASK = MASKS[0]


@pytest.fixture(scope="module", params=["olmoe", "qwen2_moe"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """Experts in three layers; the second has fewer keys than queries."""
    return loaded(build_tiny(tmp_path_factory.mktemp("models") / request.param, request.param))


def prompts_of(quiz: TokenisedQuiz, mask: Intervention = MASK, **others: Any) -> Prompts:
    """All questions and prefixes, in batches of a few rows."""
    every = range(len(quiz.questions)), range(len(quiz.prefixes))
    return replace(Prompts(quiz, *every, BATCH_TOKENS, keep_tokens=True, intervention=mask), **others)


def records(model: LoadedModel, prompts: Prompts, kept: KeptPasses | None = None) -> dict[Any, Any]:
    """What is wanted, by kind and number, each of which came once."""
    return by_number([ran for ran in ask(model, prompts, kept) if isinstance(ran, BatchRan)])


def room_for(model: LoadedModel, quiz: TokenisedQuiz, budget: int = 10**9) -> KeptPasses:
    """Room for the contexts of all batches, or of some."""
    return keep_passes(model, quiz, prompts_of(quiz).batches("cpu"), budget)


@pytest.mark.parametrize("shared", [0, 3, 40])
def test_each_answers_as_alone(model: LoadedModel, shared: int) -> None:
    """By hooks on transformers' own pass over each prompt, though prompts of unlike lengths were joined."""
    quiz = quiz_of(shared=shared)
    planned = prompts_of(quiz).planned("cpu")
    assert len(planned) < len(batches_of(planned))
    for (kind, number), record in records(model, prompts_of(quiz)).items():
        if kind == "q":
            truth = own_logits(model, quiz.prompt_ids(number), MASK).log_softmax(-1)
            expected = truth[torch.from_numpy(quiz.target_ids[number]).long()].numpy()
            np.testing.assert_allclose(record.answer.choice_logprobs, expected, atol=1e-5)


@pytest.mark.parametrize("shared", [0, 3, 40])
def test_all_kinds_of_runs_have_the_same_bits(model: LoadedModel, shared: int) -> None:
    """The first and later ones, with room for some contexts or none, one that is resumed, and one in tasks."""
    quiz = quiz_of(shared=shared)
    truth = {key: bits(record) for key, record in records(model, prompts_of(quiz)).items()}
    plenty = room_for(model, quiz)
    records(model, prompts_of(quiz, MASKS[1]), plenty)
    some = room_for(model, quiz, plenty.contexts.n_bytes // 2)
    for kept in (plenty, plenty, some, some, room_for(model, quiz, 0)):
        assert {key: bits(record) for key, record in records(model, prompts_of(quiz), kept).items()} == truth
    assert plenty.contexts.text.startswith("The keys and values of 7 of 7 prompts are kept")
    n_kept = int(some.contexts.text.split()[5])
    assert 0 < n_kept < 7
    assert f"{n_kept} of 7 prompts" in some.contexts.text
    resumed = records(model, prompts_of(quiz, pending=(2, 6), prefixes=()))
    assert {key: bits(record) for key, record in resumed.items()} == {key: truth[key] for key in (("q", 2), ("q", 6))}
    assert {key: bits(record) for key, record in by_tasks(model, prompts_of(quiz)).items()} == truth


def by_tasks(model: LoadedModel, prompts: Prompts) -> dict[Any, QuestionRecord | PrefixRecord]:
    """What workers would give."""
    quiz, wanted, came = prompts.tokenised, prompts.wanted, []
    pending = pending_batches(prompts.planned("cpu"), quiz, wanted)
    for planned in planned_tasks(pending, quiz, wanted, keep_tokens=True, intervention=prompts.intervention):
        task = pickle.loads(pickle.dumps(planned.task))
        ran = ask_batches(model, task.part, task.batches, task.wanted, keep_tokens=True, intervention=task.intervention)
        came.append(packed(item for item in ran if isinstance(item, BatchRan)))
        came[-1] = came[-1].unpacked(planned.questions, planned.prefixes, "")
    return by_number(came)


def test_answers_take_one_pass_and_contexts_one_each(model: LoadedModel) -> None:
    """A run may be stopped after each; kept contexts leave the one of the answers."""
    quiz = quiz_of(shared=0)
    n_batches, kept = len(prompts_of(quiz).batches("cpu")), room_for(model, quiz)
    first, again = (list(ask(model, prompts_of(quiz), kept)) for _ in range(2))
    assert [type(event) for event in first] == [BatchesUnderWay] * n_batches + [BatchRan]
    assert [type(event) for event in again] == [BatchRan]


@pytest.mark.parametrize("plan", [1, 2, 3])
def test_older_plans_ask_batch_by_batch(plan: int) -> None:
    """As the versions did that began such runs, in batches joined up to their budget."""
    prompts = prompts_of(quiz_of(shared=3), batch_plan=plan)
    assert all(isinstance(each, Batch) for each in prompts.planned("cpu"))
    apart = plan_batches(prompts.tokenised, range(7), BATCH_TOKENS, "cpu", plan)
    assert len(prompts.planned("cpu")) <= len(apart)


@pytest.mark.parametrize("shared", [0, 40])
@pytest.mark.parametrize("fits", [1, 3])
def test_groups_that_do_not_fit_are_asked_in_parts(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, fits: int, shared: int
) -> None:
    """What is kept goes first; each record comes once, says so, and is as before but for rounding."""
    groups = prompts_of(quiz_of(shared=shared)).planned("cpu")
    too_large = {question for group in groups if len(group.questions) > fits for question in group.questions}
    quiz = quiz_of(shared=shared)
    whole, kept = records(model, prompts_of(quiz)), room_for(model, quiz)
    records(model, prompts_of(quiz), kept)
    forward = FailingForward(model.model, OUT_OF_MEMORY[0], lambda _, rows: rows > fits)
    monkeypatch.setattr(model.model.base_model, "forward", forward)
    events = list(ask(model, prompts_of(quiz), kept))
    parts = by_number([event for event in events if isinstance(event, BatchRan)])
    assert parts.keys() == whole.keys()
    assert any(isinstance(event, BatchHalved) for event in events)
    assert kept.contexts.n_bytes == 0
    assert forward.scratch() is None
    for key, record in parts.items():
        if isinstance(record, QuestionRecord):
            assert record.answer.in_smaller_batch == (record.question in too_large)
            np.testing.assert_allclose(record.answer.choice_logprobs, whole[key].answer.choice_logprobs, atol=1e-5)


@pytest.mark.parametrize("shared", [0, 40])
def test_groups_are_smaller_where_memory_is_short(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, shared: int
) -> None:
    """A CPU tells of no lack: it is said once before anything runs, and every batch is asked by itself at the worst."""
    quiz = quiz_of(shared=shared)
    prompts, kept = prompts_of(quiz), room_for(model, quiz)
    whole, groups = records(model, prompts, kept), prompts.planned("cpu")
    contexts, joined = kept.contexts._contexts, [group for group in groups if len(group.batches) > 1]
    most, in_joined = max(len(group.questions) for group in groups), {n for group in joined for n in group.questions}
    enough = 2 * max(sum(contexts[batch].n_bytes for batch in group.batches) for group in joined)
    for free in (enough, enough - 1, 0):
        monkeypatch.setattr(answer_alone, "free_memory", lambda _, free=free: free)
        events = list(ask(model, prompts))
        told = [event for event in events if isinstance(event, BatchHalved)]
        parts = by_number([event for event in events if isinstance(event, BatchRan)])
        assert parts.keys() == whole.keys()
        in_parts = {n for (kind, n), record in parts.items() if kind == "q" and record.answer.in_smaller_batch}
        assert len(told) == bool(in_parts) == (free < enough)
        assert in_parts <= in_joined
        for key in parts.keys() & {("q", n) for n in range(7)}:
            np.testing.assert_allclose(parts[key].answer.choice_logprobs, whole[key].answer.choice_logprobs, atol=1e-5)
    assert told == [BatchHalved(most, max(len(batch.questions) for batch in batches_of(groups)))]
    assert in_parts == in_joined
    again = records(model, prompts, kept)
    assert {key: bits(record) for key, record in again.items()} == {key: bits(whole[key]) for key in whole}, "kept"


def test_a_value_that_is_not_finite_fails_its_question_alone(model: LoadedModel) -> None:
    """Its neighbours in the joined pass answer as before, also where contexts are kept."""
    quiz = quiz_of(shared=3)
    healthy, embeddings = records(model, prompts_of(quiz)), model.model.get_input_embeddings().weight.data
    token = int(quiz.segments[1][0])
    before = embeddings[token].clone()
    try:
        embeddings[token] = torch.nan
        kept = room_for(model, quiz)
        for _ in range(2):
            for key, record in records(model, prompts_of(quiz), kept).items():
                if key == ("q", 1):
                    assert record.answer.status is Status.NON_FINITE_ROUTER
                elif isinstance(record, QuestionRecord):
                    expected = healthy[key].answer.choice_logprobs
                    np.testing.assert_allclose(record.answer.choice_logprobs, expected, atol=1e-5)
    finally:
        embeddings[token] = before


def test_windows_see_what_they_would_in_joined_contexts(tmp_path: Path) -> None:
    """Each token stands as far before its answer as in its prompt, whatever was joined."""
    windowed, quiz = loaded(build_tiny(tmp_path / "mixtral", "mixtral", sliding_window=4)), quiz_of(shared=20)
    prompts = prompts_of(quiz, MASKS[1], batch_plan=windowed.specification.batch_plan)
    assert any(len(group.batches) > 1 for group in prompts.planned("cpu"))
    for (kind, number), record in records(windowed, prompts).items():
        if kind == "q":
            truth = own_logits(windowed, quiz.prompt_ids(number), MASKS[1]).log_softmax(-1)
            expected = truth[torch.from_numpy(quiz.target_ids[number]).long()].numpy()
            np.testing.assert_allclose(record.answer.choice_logprobs, expected, atol=1e-5)


def cuts(n: int) -> Iterator[list[int]]:
    """All ways to cut n things in a row, as where the parts end."""
    for count in range(n):
        for places in combinations(range(1, n), count):
            yield [*places, n]


def test_groups_are_the_cheapest_within_their_bounds() -> None:
    """Against all ways to cut few batches; each group holds no more tokens than it may, or is a single batch."""
    quiz, cost = long_quiz_of((90, 4, 6, 2), (12, 3, 9, 1)), pass_cost("cpu")
    batches = plan_batches(quiz, range(len(quiz.questions)), 150, "cpu")[:11]

    def measured(group: AnswerGroup) -> tuple[float, int]:
        widths = [batch.n_behind(quiz) + max(batch.lengths(quiz)) for batch in group.batches]
        rows, held = len(group.questions), sum(len(b.questions) * w for b, w in zip(group.batches, widths, strict=True))
        fits = len(widths) == 1 or (held <= bound and rows * max(widths) <= 3 * bound)
        return (cost.of_answers(rows, max(widths)) if fits else np.inf), held

    for bound in (1, 500, 1200, 10**6):
        found = answer_groups(batches, quiz, bound, cost)
        assert batches_of(found) == batches
        ways = [
            [AnswerGroup(tuple(batches[start:stop])) for start, stop in zip([0, *way], way, strict=False)]
            for way in cuts(len(batches))
        ]
        cheapest = min(sum(measured(group)[0] for group in way) for way in ways)
        assert sum(measured(group)[0] for group in found) == pytest.approx(cheapest)
    assert len(answer_groups(batches, quiz, 1, cost)) == len(batches)
