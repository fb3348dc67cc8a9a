"""Rows behind several prefixes in one pass give what whole prompts give, each prefix is told of once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.workers.batch_tasks import BatchesDone, planned_tasks
from moe_core.jobs.workers.packed_batch import packed
from moe_core.models.inference.forward_passes import ask_batches
from moe_core.models.inference.kept.kept_passes import KeptPasses, keep_passes
from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.planning.batches import BatchRan, Wanted
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.records import PrefixRecord, QuestionRecord, Status
from moe_core.traces.specification import ONE_PREFIX_BATCH_PLAN
from tests.models.inference.kept.test_kept_passes import assert_same, layers_run
from tests.models.inference.test_answer_alone import MASKS, own_logits
from tests.models.inference.test_device_failures import OUT_OF_MEMORY, FailingForward
from tests.models.inference.test_forward_passes import TARGETS, loaded, reference
from tests.tiny_models import FAMILIES, build_tiny

PREFIXES = (7, 33, 20, 1)
LENGTHS = (9, 24, 5, 17, 12, 31, 8)
PREFIX_OF = (1, 0, 2, 1, 3, 0, 1)
ALL = tuple(range(len(LENGTHS)))
TOGETHER = (1, 2, 0, 3)
EVERYTHING = Wanted(frozenset(ALL), frozenset(range(len(PREFIXES))))


@pytest.fixture(scope="module")
def olmoe(tiny_olmoe: Path) -> LoadedModel:
    """A tiny OLMoE in memory; tests must not change it."""
    return loaded(tiny_olmoe)


def mixed_quiz(vocabulary: int = 40_000) -> TokenisedQuiz:
    """Seven prompts of random tokens behind four prefixes of unlike lengths."""
    draw = np.random.default_rng(7)
    tokens = lambda length: draw.integers(5, vocabulary, length).astype(np.int32)  # noqa: E731  # of one line
    return TokenisedQuiz(
        questions=tuple(Question(f"q/{n}", "s", "?", tuple("wxyz"), n % 4) for n in ALL),
        prefixes=tuple(map(tokens, PREFIXES)),
        prefix_of=np.array(PREFIX_OF, dtype=np.int32),
        segments=tuple(map(tokens, LENGTHS)),
        target_ids=np.tile(TARGETS, (len(LENGTHS), 1)),
    )


def records(
    model: LoadedModel,
    quiz: TokenisedQuiz,
    batches: Sequence[Batch],
    intervention: Intervention | None = None,
    kept: KeptPasses | None = None,
    wanted: Wanted = EVERYTHING,
) -> list[Any]:
    """What is wanted, in the order in which it came."""
    act = intervention or Intervention()
    found = ask_batches(model, quiz, batches, wanted, keep_tokens=True, intervention=act, kept=kept)
    return [record for batch in found if isinstance(batch, BatchRan) for record in batch.records]


def asked(*what: Any, wanted: Wanted = EVERYTHING) -> tuple[dict[int, QuestionRecord], dict[int, PrefixRecord]]:
    """All wanted records by number, each of which came once."""
    found = records(*what, wanted=wanted)
    questions = {record.question: record for record in found if isinstance(record, QuestionRecord)}
    prefixes = {record.prefix: record for record in found if isinstance(record, PrefixRecord)}
    assert questions.keys() == wanted.questions
    assert prefixes.keys() == wanted.prefixes
    assert len(found) == len(questions) + len(prefixes)
    return questions, prefixes


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_behind_several_prefixes_answer_as_whole_prompts(family: str, tmp_path: Path) -> None:
    """By transformers' own pass over each prompt: experts at every token, log-probabilities within 1e-5."""
    model, quiz = loaded(build_tiny(tmp_path, family)), mixed_quiz()
    assert model.specification.abilities.mix_prefixes
    questions, prefixes = asked(model, quiz, [Batch(TOGETHER, ALL[:5]), Batch(TOGETHER, ALL[5:])])
    for question in ALL:
        probs, logprobs = reference(model, quiz.prompt_ids(question))
        record, before = questions[question], prefixes[PREFIX_OF[question]]
        for layer, expected in enumerate(probs):
            weights, ids = expected.topk(4)
            found = [segment.routing.tokens for segment in (before, record)]
            np.testing.assert_array_equal(np.concatenate([tokens.experts[:, layer] for tokens in found]), ids)
            if not model.specification.normalised:
                given = np.concatenate([tokens.weights[:, layer] for tokens in found])
                np.testing.assert_allclose(given, weights, atol=1e-3)
            np.testing.assert_allclose(record.answer.router_probs[layer], expected[-1], atol=1e-3)
            counts = np.bincount(ids[: PREFIXES[PREFIX_OF[question]]].ravel(), minlength=16)
            np.testing.assert_array_equal(before.routing.sums.token_count[layer], counts)
        expected_logprobs = logprobs[torch.from_numpy(TARGETS).long()]
        np.testing.assert_allclose(record.answer.choice_logprobs, expected_logprobs, atol=1e-5)


def test_re_runs_from_a_layer_on_are_the_same_to_the_last_bit(olmoe: LoadedModel) -> None:
    """Behind several prefixes, whose keys and values are kept and moved once."""
    quiz, batches = mixed_quiz(), [Batch(TOGETHER, ALL[:5]), Batch(TOGETHER, ALL[5:])]
    masks = [parse_mask(text) for text in ("2:3,2:5", "1:2", "0:1,2:4", "")]
    truth = [records(olmoe, quiz, batches, mask) for mask in masks]
    kept = keep_passes(olmoe, quiz, batches, 10**9)
    assert kept.at == (1, 2)
    for number in (1, 0, 2, 3, 0, 1):
        assert_same(records(olmoe, quiz, batches, masks[number], kept), truth[number])
    with layers_run(olmoe) as ran:
        records(olmoe, quiz, batches, masks[0], kept)
    assert ran == {2}


def test_masks_at_the_answer_alone_act_there_alone(olmoe: LoadedModel) -> None:
    """By hooks on transformers' own pass over each prompt; also where contexts are kept."""
    quiz, batches, mask = mixed_quiz(), [Batch(TOGETHER, ALL)], MASKS[0]
    contexts = keep_passes(olmoe, quiz, batches, 10**9)
    for kept in (None, contexts, contexts):
        questions, _ = asked(olmoe, quiz, batches, mask, kept)
        for number, record in questions.items():
            truth = own_logits(olmoe, quiz.prompt_ids(number), mask).log_softmax(-1)[torch.from_numpy(TARGETS).long()]
            np.testing.assert_allclose(record.answer.choice_logprobs, truth, atol=1e-5)


def test_a_prefix_that_is_not_finite_fails_its_own_questions(olmoe: LoadedModel) -> None:
    """Those behind the prefixes that ran with it answer as before."""
    quiz = mixed_quiz()
    healthy, _ = asked(olmoe, quiz, [Batch(TOGETHER, ALL)])
    embeddings = olmoe.model.get_input_embeddings().weight.data
    token = int(quiz.prefixes[1][3])
    before = embeddings[token].clone()
    try:
        embeddings[token] = torch.nan
        questions, prefixes = asked(olmoe, quiz, [Batch(TOGETHER, ALL)])
    finally:
        embeddings[token] = before
    for number, record in questions.items():
        failed = PREFIX_OF[number] == 1
        assert record.answer.status is (Status.NON_FINITE_ROUTER if failed else Status.ANSWERED)
        if not failed:
            expected = healthy[number].answer.choice_logprobs
            np.testing.assert_allclose(record.answer.choice_logprobs, expected, atol=1e-5)
    assert all(np.isfinite(record.routing.sums.gate_share_sum).all() for record in prefixes.values())


@pytest.mark.parametrize("fits", [1, 2, 3])
def test_prefixes_that_do_not_fit_together_run_apart(
    olmoe: LoadedModel, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    """Every record comes once, as from one pass; also of a prefix whose questions are not wanted."""
    quiz, batches = mixed_quiz(), [Batch(TOGETHER, ALL[:4]), Batch(TOGETHER, ALL[4:])]
    questions, prefixes = asked(olmoe, quiz, batches)
    forward = FailingForward(olmoe.model, OUT_OF_MEMORY[0], lambda _, rows: rows > fits)
    monkeypatch.setattr(olmoe.model.base_model, "forward", forward)
    again, told = asked(olmoe, quiz, batches)
    for number, record in again.items():
        expected = questions[number].answer
        np.testing.assert_allclose(record.answer.choice_logprobs, expected.choice_logprobs, atol=1e-5)
        np.testing.assert_array_equal(record.answer.experts, expected.experts)
    for number, prefix in told.items():
        counts = prefixes[number].routing.sums.token_count
        np.testing.assert_array_equal(prefix.routing.sums.token_count, counts)
    some = asked(olmoe, quiz, batches, wanted=Wanted(frozenset({0}), frozenset({1, 3})))
    assert [set(found) for found in some] == [{0}, {1, 3}]


def test_a_model_with_windows_is_asked_behind_one_prefix_at_a_time(tmp_path: Path) -> None:
    """It keeps to the plan for that; batches that were planned otherwise are taken apart, with the same answers."""
    windowed, quiz = loaded(build_tiny(tmp_path / "mixtral", "mixtral", sliding_window=4)), mixed_quiz()
    assert not windowed.specification.abilities.mix_prefixes
    assert windowed.specification.batch_plan == ONE_PREFIX_BATCH_PLAN
    questions, _ = asked(windowed, quiz, [Batch(TOGETHER, ALL)])
    for number, record in questions.items():
        logprobs = reference(windowed, quiz.prompt_ids(number))[1][torch.from_numpy(TARGETS).long()]
        np.testing.assert_allclose(record.answer.choice_logprobs, logprobs, atol=1e-5)


@pytest.mark.parametrize("pending", [ALL, (3,)])
def test_tasks_for_workers_give_what_one_process_does(olmoe: LoadedModel, pending: tuple[int, ...]) -> None:
    """Bit for bit: a task takes along all prefixes that run together, and each is told of once."""
    quiz, batches = mixed_quiz(), [Batch(TOGETHER, (n,)) for n in ALL]
    wanted = Wanted(frozenset(pending), frozenset({0, 2}))
    truth = records(olmoe, quiz, batches, wanted=wanted)
    tasks = list(planned_tasks(batches, quiz, wanted, keep_tokens=True, intervention=Intervention()))
    assert len(tasks) == 2
    found = []
    for planned in tasks:
        task = planned.task
        ran = ask_batches(olmoe, task.part, task.batches, task.wanted, keep_tokens=True, intervention=task.intervention)
        batch = planned.records(BatchesDone(packed(item for item in ran if isinstance(item, BatchRan))), "")
        found += batch.records
    by_number = lambda record: (type(record).__name__, getattr(record, "question", -1), getattr(record, "prefix", -1))  # noqa: E731
    assert_same(sorted(found, key=by_number), sorted(truth, key=by_number))
