"""How fast recording is against plain passes, the paper's way and lm-evaluation-harness: ratios, medians.

Seconds are the processor's, of all threads together, which other programs on the machine hardly change.

`python -m tests.bench.bench_recording [--width W] [--rounds R] [--cases sample,subject] [--against answer,..]`, on
OLMoE's 16 x 64 architecture of a narrower width, with OLMo's tokenizer and MMLU, all on this machine's CPU.

Plain: whole prompts, length-sorted, each pass filled up to the same number of tokens, nothing recorded. The paper's way
(arXiv 2502.17187): two prompts a batch in quiz order, `output_router_logits`. lm-evaluation-harness: its hf backend,
by size of batch.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.runs.fill_trace import fill_trace
from moe_core.jobs.runs.prepare_trace import look_at, prepare_trace
from moe_core.jobs.runs.run_plan import RunOptions, RunPlan, plan_run
from moe_core.models.inference.model_here import ModelHere
from moe_core.models.inference.pass_costs import filled_rows
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.full_size import build_full_size
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.selection import QuestionSelection, select_questions
from tests.job_results import result_of

LETTERS = (" A", " B", " C", " D")
CASES: dict[str, tuple[QuestionSelection, int]] = {
    "sample": (QuestionSelection(sample=96), 0),
    "sample-500": (QuestionSelection(sample=500), 0),
    "sample-32": (QuestionSelection(sample=32), 0),
    "subject": (QuestionSelection(subjects=("anatomy",)), 0),
    "five-shot": (QuestionSelection(subjects=("anatomy",), limit=40), 5),
}


def main() -> None:
    """A line for each way and case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="sample,subject,five-shot")
    parser.add_argument("--against", default="answer,all,paper,lm-eval-4,lm-eval-16")
    arguments = parser.parse_args()
    loaded = build_full_size(
        "cpu", "float32", hidden_size=arguments.width, intermediate_size=arguments.width // 2,
        num_attention_heads=8, num_key_value_heads=8,
    )  # fmt: skip
    print(f"width {arguments.width}, {torch.get_num_threads()} threads, medians of {arguments.rounds}", flush=True)
    for case in arguments.cases.split(","):
        compare(loaded, case, arguments.against.split(","), arguments.rounds)


def compare(loaded: LoadedModel, case: str, ways: list[str], rounds: int) -> None:
    """Each way right after a plain run, and its speed as a share of that one's."""
    selection, shots = CASES[case]
    quiz = load_quiz("mmlu", offline=True)
    questions, selected = select_questions(quiz, selection)
    plans = {
        tokens: plan_run(loaded, quiz, questions, selected, RunOptions(shots, tokens=tokens), Intervention())
        for tokens in ("answer", "all")
    }
    tokenised = plans["all"].tokenised
    known: dict[str, Callable[[], object]] = {
        "answer": lambda: record(loaded, plans["answer"]),
        "all": lambda: record(loaded, plans["all"]),
        "paper": lambda: papers_way(loaded, tokenised),
        **{f"lm-eval-{size}": partial(harness, loaded, tokenised, size) for size in (1, 4, 16, 32)},
    }
    plain(loaded, tokenised, n_passes=1)
    for way in ways:
        shares = []
        for _ in range(rounds):
            bare = seconds(lambda: plain(loaded, tokenised))
            shares.append(bare / seconds(known[way]))
        middle, low, high = statistics.median(shares), min(shares), max(shares)
        print(f"{case}, {len(questions)} questions, {way}: {middle:.3f} of plain [{low:.3f}, {high:.3f}]", flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Seconds of processor time that it takes."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def record(loaded: LoadedModel, plan: RunPlan) -> None:
    """Asking and writing, as `moescope record` does; the file is made before the clock of other ways starts, too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.h5"
        result_of(prepare_trace(look_at(path), plan))
        result_of(fill_trace(path, ModelHere.of(loaded), plan))


@torch.inference_mode()
def plain(loaded: LoadedModel, tokenised: TokenisedQuiz, n_passes: int | None = None) -> None:
    """Length-sorted passes over whole prompts, scored at the last token."""
    order = sorted(range(len(tokenised.questions)), key=lambda question: -tokenised.prompt_length(question))
    start = 0
    for count in filled_rows([tokenised.prompt_length(n) for n in order], 0, 4096)[:n_passes]:
        ids, last = padded(tokenised, order[start : start + count])
        start += count
        hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        loaded.model.get_output_embeddings()(hidden[torch.arange(count), last]).log_softmax(-1)


@torch.inference_mode()
def papers_way(loaded: LoadedModel, tokenised: TokenisedQuiz) -> None:
    """Two prompts at a time in quiz order; router logits of every token, logits of every position."""
    for start in range(0, len(tokenised.questions), 2):
        ids, last = padded(tokenised, range(start, min(start + 2, len(tokenised.questions))))
        output = loaded.model(input_ids=ids, use_cache=False, output_router_logits=True)
        for layer in output.router_logits:
            layer.float().softmax(-1).topk(8)
        output.logits[torch.arange(len(ids)), last].log_softmax(-1)


def harness(loaded: LoadedModel, tokenised: TokenisedQuiz, batch_size: int) -> None:
    """Four continuations a question, as its multiple-choice tasks ask for."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model: Any = HFLM(
        pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size, max_length=4096, prefix_token_id=0
    )
    texts = [loaded.tokenizer.decode(tokenised.prompt_ids(n)) for n in range(len(tokenised.questions))]
    requests = [
        Instance("loglikelihood", {}, (text, letter), number) for text in texts for number, letter in enumerate(LETTERS)
    ]
    model.loglikelihood(requests, disable_tqdm=True)


def padded(tokenised: TokenisedQuiz, questions: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole prompts as ids [B, T], and the place of each one's last token [B]."""
    rows = [tokenised.prompt_ids(question) for question in questions]
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
    return torch.from_numpy(ids), torch.tensor([len(tokens) - 1 for tokens in rows])


if __name__ == "__main__":
    main()
