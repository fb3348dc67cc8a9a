"""What `ask` records equals what transformers itself computes, one question at a time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.planning.batches import BatchRan, Prompts
from moe_core.models.inference.watching import router_watch
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.records import PrefixRecord, QuestionRecord, Status
from moe_core.traces.specification import NEWEST_BATCH_PLAN
from tests.tiny_models import FAMILIES, build_tiny

TARGETS = np.array([329, 378, 330, 399], dtype=np.int32)  # " A" .. " D" of OLMo's tokenizer
PROMPT_LENGTHS = (9, 24, 5, 17, 12, 31, 8)


def loaded(folder: Path) -> LoadedModel:
    """The model of a folder, through the same job as every run."""
    job = load_model(ModelRequest(str(folder), device="cpu"))
    while True:
        try:
            next(job)
        except StopIteration as done:
            result: LoadedModel = done.value
            return result


@pytest.fixture(scope="module")
def olmoe(tiny_olmoe: Path) -> LoadedModel:
    """A tiny OLMoE in memory; tests must not change it."""
    return loaded(tiny_olmoe)


def quiz_of(*, shared: int) -> TokenisedQuiz:
    """Seven prompts of random tokens; all but the last one share their first `shared` tokens as a prefix."""
    draw = np.random.default_rng(7)
    prefix = draw.integers(5, 40_000, shared).astype(np.int32)
    segments = tuple(draw.integers(5, 40_000, length).astype(np.int32) for length in PROMPT_LENGTHS)
    count = len(segments)
    return TokenisedQuiz(
        questions=tuple(Question(f"q/{n}", "s", "?", tuple("wxyz"), n % 4) for n in range(count)),
        prefixes=(prefix,) if shared else (),
        prefix_of=np.array([0 if shared else -1] * (count - 1) + [-1], dtype=np.int32),
        segments=segments,
        target_ids=np.tile(TARGETS, (count, 1)),
    )


def asked(
    model: LoadedModel,
    quiz: TokenisedQuiz,
    *,
    batch_tokens: int = 4096,
    questions: list[int] | None = None,
    keep_tokens: bool = True,
    intervention: Intervention | None = None,
    batch_plan: int = NEWEST_BATCH_PLAN,
) -> tuple[dict[int, QuestionRecord], dict[int, PrefixRecord]]:
    """All records of a quiz by index."""
    chosen = list(range(len(quiz.questions))) if questions is None else questions
    prompts = Prompts(
        quiz,
        chosen,
        range(len(quiz.prefixes)),
        batch_tokens,
        keep_tokens=keep_tokens,
        intervention=intervention or Intervention(),
        batch_plan=batch_plan,
    )
    batches = ask(model, prompts)
    ran = [batch for batch in batches if isinstance(batch, BatchRan)]
    records = [record for batch in ran for record in batch.records]
    by_question = {record.question: record for batch in ran for record in batch.questions}
    by_prefix = {record.prefix: record for batch in ran for record in batch.prefixes}
    assert len(by_question) + len(by_prefix) == len(records)
    return by_question, by_prefix


def whole_prompt(quiz: TokenisedQuiz, question: int) -> np.ndarray:
    """All token ids of one prompt."""
    prefix = int(quiz.prefix_of[question])
    return np.concatenate([*([quiz.prefixes[prefix]] if prefix >= 0 else []), quiz.segments[question]])


def reference(model: LoadedModel, tokens: np.ndarray) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Router probabilities per MoE layer [T, E] and the last position's log-probabilities, straight from the model."""
    with torch.inference_mode():
        output = model.model(torch.from_numpy(tokens.astype(np.int64))[None], output_router_logits=True)
    probs = [logits.float().softmax(-1) for logits in output.router_logits]
    return probs, output.logits[0, -1].float().log_softmax(-1)


@pytest.mark.parametrize("shared", [0, 1, 40])
def test_records_equal_the_models_own_routing_and_scores(olmoe: LoadedModel, shared: int) -> None:
    """Experts are equal at every token, weights within half precision, log-probabilities within 1e-4."""
    quiz = quiz_of(shared=shared)
    questions, prefixes = asked(olmoe, quiz)
    for question, record in questions.items():
        probs, logprobs = reference(olmoe, whole_prompt(quiz, question))
        start = shared if quiz.prefix_of[question] == 0 else 0
        for layer, expected in enumerate(probs):
            weights, ids = expected.topk(4)
            assert record.routing.tokens is not None
            np.testing.assert_array_equal(record.routing.tokens.experts[:, layer], ids[start:])
            np.testing.assert_allclose(record.routing.tokens.weights[:, layer], weights[start:], atol=1e-3)
            np.testing.assert_array_equal(record.answer.experts[layer], ids[-1])
            np.testing.assert_allclose(record.answer.router_probs[layer], expected[-1], atol=1e-3)
            if start:
                np.testing.assert_array_equal(prefixes[0].routing.tokens.experts[:, layer], ids[:start])  # type: ignore[index]  # tokens are kept
        np.testing.assert_allclose(record.answer.choice_logprobs, logprobs[torch.from_numpy(TARGETS).long()], atol=1e-4)
        assert record.answer.predicted == int(logprobs[torch.from_numpy(TARGETS).long()].argmax())


@pytest.mark.parametrize("plan", [1, 2])
def test_sums_equal_a_loop_over_the_tokens(olmoe: LoadedModel, plan: int) -> None:
    """Of a segment, or of a prefix that ran alone or before a question: those of its tokens, padding left out."""
    quiz = quiz_of(shared=6)
    questions, prefixes = asked(olmoe, quiz, batch_plan=plan)
    for record, tokens in [(questions[2], quiz.segments[2]), (questions[5], quiz.segments[5]), (prefixes[0], None)]:
        full = whole_prompt(quiz, record.question if isinstance(record, QuestionRecord) else 0)
        span = slice(6, None) if tokens is not None else slice(0, 6)
        for layer, probs in enumerate(reference(olmoe, full)[0]):
            p = probs[span].double().numpy()
            order = np.argsort(-p, axis=1)[:, :4]
            chosen = np.take_along_axis(p, order, 1)
            q = chosen / chosen.sum(1, keepdims=True)
            topk_entropy, full_entropy = -(q * np.log(q)).sum(1), -(p * np.log(p)).sum(1)
            counts = np.bincount(order.ravel(), minlength=16)
            np.testing.assert_array_equal(record.routing.sums.token_count[layer], counts)
            shares = np.bincount(order.ravel(), weights=q.ravel(), minlength=16)
            np.testing.assert_allclose(record.routing.sums.gate_share_sum[layer], shares, rtol=1e-3)  # kept in 16 bit
            np.testing.assert_allclose(record.routing.sums.topk_entropy_sum[layer], topk_entropy.sum(), rtol=1e-4)
            np.testing.assert_allclose(record.routing.sums.full_entropy_sum[layer], full_entropy.sum(), rtol=1e-4)
            np.testing.assert_allclose(
                record.routing.sums.topk_entropy_square_sum[layer], (topk_entropy**2).sum(), rtol=1e-4
            )
            np.testing.assert_allclose(record.routing.sums.sorted_share_sum[layer], q.sum(0), rtol=1e-4)


def test_layers_summed_up_one_by_one_or_together_are_the_same(
    olmoe: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit: large batches are summed up a few layers at a time."""
    together, prefixes = asked(olmoe, quiz_of(shared=6))
    monkeypatch.setitem(router_watch.TOGETHER_BYTES, "cpu", 1)
    for question, record in asked(olmoe, quiz_of(shared=6))[0].items():
        for name, sums in vars(record.routing.sums).items():
            np.testing.assert_array_equal(sums, getattr(together[question].routing.sums, name))
        np.testing.assert_array_equal(record.routing.tokens.weights, together[question].routing.tokens.weights)
        np.testing.assert_array_equal(record.answer.router_probs, together[question].answer.router_probs)
    assert set(prefixes) == {0}


@pytest.mark.parametrize("batch_tokens", [1, 60, 10_000])
def test_batch_size_and_order_change_nothing(olmoe: LoadedModel, batch_tokens: int) -> None:
    """Every question alone, a few at once, all at once and in reverse: the same experts, scores within 1e-5."""
    quiz = quiz_of(shared=11)
    expected, _ = asked(olmoe, quiz, batch_tokens=200)
    other, _ = asked(olmoe, quiz, batch_tokens=batch_tokens, questions=list(range(len(PROMPT_LENGTHS)))[::-1])
    for question, record in expected.items():
        np.testing.assert_array_equal(record.routing.tokens.experts, other[question].routing.tokens.experts)
        np.testing.assert_allclose(record.answer.choice_logprobs, other[question].answer.choice_logprobs, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_the_same_with_and_without_a_shared_prefix(family: str, tmp_path: Path) -> None:
    """Cutting prompts into prefix and segment moves no score by more than float noise."""
    model = loaded(build_tiny(tmp_path, family))
    cut = quiz_of(shared=20)
    prompts = tuple(whole_prompt(cut, question) for question in range(len(PROMPT_LENGTHS)))
    whole = replace(cut, prefixes=(), prefix_of=np.full(len(prompts), -1, np.int32), segments=prompts)
    with_prefix, _ = asked(model, cut)
    without, _ = asked(model, whole)
    for question, record in with_prefix.items():
        np.testing.assert_allclose(record.answer.choice_logprobs, without[question].answer.choice_logprobs, atol=1e-4)
        np.testing.assert_array_equal(record.answer.experts, without[question].answer.experts)


def test_a_question_that_is_not_finite_says_nothing_of_the_prefix_before_it(spoilt: LoadedModel) -> None:
    """The prefix's own sums and tokens are as they are before a healthy question."""
    quiz = quiz_of(shared=3)
    _, healthy = asked(spoilt, quiz)
    longest = max(range(6), key=lambda n: len(quiz.segments[n]))  # the one that tells of it
    bad = list(quiz.segments)
    bad[longest] = np.full_like(bad[longest], 4)
    questions, prefixes = asked(spoilt, replace(quiz, segments=tuple(bad)))
    assert questions[longest].answer.status is Status.NON_FINITE_ROUTER
    for name, values in vars(healthy[0].routing.sums).items():
        np.testing.assert_allclose(getattr(prefixes[0].routing.sums, name), values, rtol=1e-3)
        assert np.any(values)


def test_choices_beyond_a_questions_own_are_never_predicted(olmoe: LoadedModel) -> None:
    """A question with two choices among four-choice ones has NaN behind them and answers 0 or 1."""
    quiz = quiz_of(shared=0)
    short = tuple(replace(question, choices=("w", "x")) for question in quiz.questions)
    targets = quiz.target_ids.copy()
    targets[:, 2:] = -1
    questions, _ = asked(olmoe, replace(quiz, questions=short, target_ids=targets))
    for record in questions.values():
        assert np.isnan(record.answer.choice_logprobs[2:]).all()
        assert record.answer.predicted in (0, 1)


def test_answer_only_keeps_no_token_rows_but_all_sums(olmoe: LoadedModel) -> None:
    """Without token rows the sums over the prompt are the same."""
    quiz = quiz_of(shared=4)
    kept, _ = asked(olmoe, quiz)
    slim, _ = asked(olmoe, quiz, keep_tokens=False)
    for question, record in slim.items():
        assert record.routing.tokens is None
        np.testing.assert_array_equal(record.routing.sums.token_count, kept[question].routing.sums.token_count)


@pytest.fixture
def spoilt(tmp_path: Path) -> LoadedModel:
    """A tiny OLMoE whose embedding of token 4 is not finite."""
    model = loaded(build_tiny(tmp_path))
    with torch.no_grad():
        model.model.get_input_embeddings().weight[4] = torch.nan
    return model


def test_a_value_that_is_not_finite_fails_its_question_alone(spoilt: LoadedModel) -> None:
    """The question that holds the bad token has a reason and no answer; its batch neighbours are as before."""
    quiz = quiz_of(shared=3)
    healthy, _ = asked(spoilt, quiz)
    bad = list(quiz.segments)
    bad[1] = bad[1].copy()
    bad[1][0] = 4
    questions, _ = asked(spoilt, replace(quiz, segments=tuple(bad)))
    assert questions[1].answer.status is Status.NON_FINITE_ROUTER
    assert questions[1].answer.predicted == -1
    assert np.isfinite(questions[1].routing.sums.gate_share_sum).all()
    for question in {*questions} - {1}:
        assert questions[question].answer.status is Status.ANSWERED
        assert questions[question].answer.predicted == healthy[question].answer.predicted


def test_a_prefix_that_is_not_finite_fails_all_its_questions(spoilt: LoadedModel) -> None:
    """Questions behind the bad prefix fail, the one without a prefix does not."""
    quiz = quiz_of(shared=3)
    prefix = quiz.prefixes[0].copy()
    prefix[1] = 4
    questions, _ = asked(spoilt, replace(quiz, prefixes=(prefix,)))
    statuses = [questions[question].answer.status for question in sorted(questions)]
    assert statuses == [Status.NON_FINITE_ROUTER] * 6 + [Status.ANSWERED]
