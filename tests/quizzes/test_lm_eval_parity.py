"""lm-evaluation-harness itself against this package: the same tiny OLMoE, the same 100 MMLU questions.

Its own MMLU template and descriptions are read from the installed package; only the rows come from local files.
Five-shot takes ten times as long, so a part of the questions does for it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lm_eval
import numpy as np
import pytest
import torch
import yaml
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from numpy.typing import NDArray
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.chat_template import chat_renderer
from moe_core.quizzes.prompting import Prompt, TokenisedQuiz, build_prompts
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.tokenising import tokenise

pytestmark = [
    pytest.mark.slow,
    # The harness and the libraries below it warn about themselves; what they compute is what counts here.
    pytest.mark.filterwarnings("ignore"),
]

# Those with the shortest worked examples, so that five of them stay cheap.
SUBJECTS = ("abstract_algebra", "conceptual_physics", "management", "miscellaneous", "world_religions")
QUESTIONS_PER_SUBJECT = 20

# As published with OLMoE-1B-7B-0924-Instruct: it writes the BOS token itself and ends in a line break.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}\n"
    "{% if message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] }}\n"
    "{% elif message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n"
    "{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)


@dataclass(frozen=True)
class HarnessAnswers:
    """What lm-eval asked and got: contexts and continuations [N][C], log-likelihoods [N, C], right answers."""

    contexts: list[list[str]]
    continuations: list[list[str]]
    loglikelihoods: NDArray[np.float64]
    n_right: dict[str, int]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """The model is so small that threads would only wait for each other, many times as long on a busy machine."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def quiz() -> Quiz:
    """All of MMLU."""
    return load_quiz("mmlu", offline=True)


@pytest.fixture(scope="module")
def questions(quiz: Quiz) -> tuple[Question, ...]:
    """The 100 questions of the comparison."""
    chosen = []
    for subject in SUBJECTS:
        chosen += [question for question in quiz.questions if question.subject == subject][:QUESTIONS_PER_SUBJECT]
    return tuple(chosen)


@pytest.fixture(scope="module")
def tokenizer(tiny_olmoe: Path) -> PreTrainedTokenizerFast:
    """OLMo's tokenizer with the chat template of its instruct model."""
    loaded = PreTrainedTokenizerFast.from_pretrained(tiny_olmoe)
    loaded.chat_template = CHAT_TEMPLATE
    return loaded


@pytest.fixture(scope="module")
def harness_model(tiny_olmoe: Path, tokenizer: PreTrainedTokenizerFast) -> HFLM:
    """The tiny OLMoE as lm-eval loads it."""
    return HFLM(pretrained=str(tiny_olmoe), tokenizer=tokenizer, device="cpu", dtype="float32", batch_size=1)


@pytest.fixture(scope="module")
def harness_tasks(quiz: Quiz, questions: tuple[Question, ...], tmp_path_factory: pytest.TempPathFactory) -> TaskManager:
    """lm-eval's own MMLU tasks, over rows written to local files."""
    folder = tmp_path_factory.mktemp("tasks")
    published = Path(lm_eval.__file__).parent / "tasks" / "mmlu" / "default"
    template = yaml.safe_load((published / "_default_template_yaml").read_text())
    for subject in SUBJECTS:
        rows = {"test": [q for q in questions if q.subject == subject], "dev": quiz.shots[subject]}
        files = {split: str(_write_rows(folder / f"{subject}_{split}.jsonl", rows[split])) for split in rows}
        subject_task = yaml.safe_load((published / f"mmlu_{subject}.yaml").read_text())
        task = template | {
            "task": f"local_{subject}",
            "description": subject_task["description"],
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": files, "cache_dir": str(folder / "cache")},
        }
        (folder / f"{subject}.yaml").write_text(yaml.safe_dump(task))
    return TaskManager(include_path=str(folder), include_defaults=False)


@pytest.mark.parametrize(
    ("protocol", "shots", "n_per_subject"),
    [("plain", 0, 20), ("plain", 5, 6), ("chat", 0, 20), ("chat", 5, 4)],
)
def test_prompts_tokens_scores_and_accuracy_equal_those_of_lm_eval(
    protocol: str,
    shots: int,
    n_per_subject: int,
    quiz: Quiz,
    questions: tuple[Question, ...],
    tokenizer: PreTrainedTokenizerFast,
    harness_model: HFLM,
    harness_tasks: TaskManager,
) -> None:
    """Prompts byte for byte, tokens id for id, log-probabilities within 1e-4 in float32, accuracy equal."""
    questions = tuple(q for n, q in enumerate(questions) if n % QUESTIONS_PER_SUBJECT < n_per_subject)
    harness = _run_harness(harness_model, harness_tasks, protocol, shots, n_per_subject)
    prompts = build_prompts(quiz, questions, protocol=protocol, shots=shots, render_chat=chat_renderer(tokenizer))
    tokenised = tokenise(prompts, tokenizer, context_length=4096).quiz

    assert harness.contexts == [[prompt.text] * 4 for prompt in prompts]
    assert harness.continuations == [list(prompt.targets) for prompt in prompts]
    _assert_same_tokens(harness_model, prompts, tokenised)

    logprobs = _choice_logprobs(harness_model.model, tokenised)
    assert np.std(logprobs, axis=1).min() > 0.01, "the choices must differ, or the comparison says nothing"
    # Where a chat prompt ends in white space lm-eval scores that too: the same for all choices of a question.
    expected = harness.loglikelihoods - _white_space_logprobs(harness_model, prompts)[:, None]
    np.testing.assert_allclose(logprobs, expected, rtol=0, atol=1e-4)

    right = Counter(q.subject for q, scores in zip(questions, logprobs, strict=True) if scores.argmax() == q.gold)
    assert {subject: right[subject] for subject in SUBJECTS} == harness.n_right


def test_a_tokenizer_that_adds_bos_gives_the_same_tokens_as_lm_eval(
    quiz: Quiz, questions: tuple[Question, ...], harness_model: HFLM, tiny_olmoe: Path
) -> None:
    """BOS stands once before a plain prompt, and once in a chat whose template has written it already."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_olmoe)
    tokenizer.chat_template = CHAT_TEMPLATE
    bos, bos_id = tokenizer.bos_token, tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, bos_id)])
    harness_model_with_bos = HFLM(pretrained=harness_model.model, tokenizer=tokenizer, batch_size=1)
    for protocol in ("plain", "chat"):
        prompts = build_prompts(quiz, questions, protocol=protocol, shots=1, render_chat=chat_renderer(tokenizer))
        tokenised = tokenise(prompts, tokenizer, context_length=4096).quiz
        _assert_same_tokens(harness_model_with_bos, prompts, tokenised)
        assert all(list(tokenised.prompt_ids(n)[:2]).count(bos_id) == 1 for n in range(len(prompts)))


def _write_rows(path: Path, questions: tuple[Question, ...] | list[Question]) -> Path:
    rows = [{"question": q.text, "choices": q.choices, "answer": q.gold, "subject": q.subject} for q in questions]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _run_harness(model: HFLM, tasks: TaskManager, protocol: str, shots: int, n_per_subject: int) -> HarnessAnswers:
    results: Any = lm_eval.simple_evaluate(
        model=model,
        tasks=[f"local_{subject}" for subject in SUBJECTS],
        num_fewshot=shots,
        limit=n_per_subject,
        task_manager=tasks,
        apply_chat_template=protocol == "chat",
        log_samples=True,
        bootstrap_iters=0,
    )
    samples = [sample for subject in SUBJECTS for sample in results["samples"][f"local_{subject}"]]
    accuracies = {subject: results["results"][f"local_{subject}"]["acc,none"] for subject in SUBJECTS}
    return HarnessAnswers(
        contexts=[[context for context, _ in sample["arguments"]] for sample in samples],
        continuations=[[continuation for _, continuation in sample["arguments"]] for sample in samples],
        loglikelihoods=np.array([[float(response[0]) for response in s["filtered_resps"]] for s in samples]),
        n_right={subject: round(accuracy * n_per_subject) for subject, accuracy in accuracies.items()},
    )


def _assert_same_tokens(harness_model: HFLM, prompts: tuple[Prompt, ...], tokenised: TokenisedQuiz) -> None:
    for n, prompt in enumerate(prompts):
        for target, target_id in zip(prompt.targets, tokenised.target_ids[n], strict=True):
            context, continuation = harness_model._encode_pair(prompt.text, target)
            assert [*context, *continuation] == [*tokenised.prompt_ids(n), target_id]


def _choice_logprobs(model: Any, tokenised: TokenisedQuiz) -> NDArray[np.float32]:
    """Log-probabilities [N, C] of the choices at the answer position, straight from transformers."""
    rows = []
    for n, targets in enumerate(tokenised.target_ids):
        logprobs = _next_token_logprobs(model, tokenised.prompt_ids(n))
        rows.append(logprobs[targets])
    return np.stack(rows)


def _white_space_logprobs(harness_model: HFLM, prompts: tuple[Prompt, ...]) -> NDArray[np.float32]:
    """Log-probability [N] of the white space each prompt ends in; 0 where it ends in none."""
    totals = np.zeros(len(prompts), dtype=np.float32)
    for n, prompt in enumerate(prompts):
        context, continuation = harness_model._encode_pair(prompt.text, prompt.targets[0])
        for token in continuation[:-1]:
            totals[n] += _next_token_logprobs(harness_model.model, np.array(context))[token]
            context = [*context, token]
    return totals


def _next_token_logprobs(model: Any, ids: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    with torch.inference_mode():
        logits = model(torch.tensor(ids, dtype=torch.long)[None], logits_to_keep=1).logits[0, -1]
    return torch.log_softmax(logits.float(), dim=-1).numpy()
