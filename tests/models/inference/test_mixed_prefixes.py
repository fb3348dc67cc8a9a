"""Rows behind several prefixes in one pass give what whole prompts give, each prefix is told of once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.batch import Batch
from moe_core.models.inference.batches import BatchRan, Wanted
from moe_core.models.inference.forward_passes import ask_batches
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.records import PrefixRecord, QuestionRecord
from tests.models.inference.test_forward_passes import TARGETS, loaded, reference
from tests.tiny_models import FAMILIES, build_tiny

PREFIXES = (7, 33, 20, 1)
LENGTHS = (9, 24, 5, 17, 12, 31, 8)
PREFIX_OF = (1, 0, 2, 1, 3, 0, 1)
ALL = tuple(range(len(LENGTHS)))
TOGETHER = (1, 2, 0, 3)


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


def asked(
    model: LoadedModel, quiz: TokenisedQuiz, batches: Sequence[Batch], intervention: Intervention | None = None
) -> tuple[dict[int, QuestionRecord], dict[int, PrefixRecord]]:
    """All records by number, each of which came once."""
    found = ask_batches(
        model,
        quiz,
        batches,
        Wanted(frozenset(ALL), frozenset(range(len(PREFIXES)))),
        keep_tokens=True,
        intervention=intervention or Intervention(),
    )
    ran = [batch for batch in found if isinstance(batch, BatchRan)]
    questions = [record for batch in ran for record in batch.questions]
    prefixes = [record for batch in ran for record in batch.prefixes]
    assert sorted(record.question for record in questions) == list(ALL)
    assert sorted(record.prefix for record in prefixes) == list(range(len(PREFIXES)))
    return {record.question: record for record in questions}, {record.prefix: record for record in prefixes}


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
