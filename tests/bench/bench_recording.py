"""How fast recording is against plain passes, the paper's way and lm-evaluation-harness: ratios, medians.

Seconds are the processor's, of all threads together, which other programs on the machine hardly change.

`python -m tests.bench.bench_recording [--width W] [--layers L] [--rounds R] [--cases mmlu,sample-500,..]
[--against answer,all,..]`, on OLMoE's architecture, narrower and shallower, its layers in OLMoE's proportions, with
OLMo's tokenizer and MMLU, all on this machine's CPU.

Plain: whole prompts, length-sorted, nothing recorded; *cut* where padding and passes cost the least, and *filled* up to
the same number of tokens. Shares are of whichever is faster. The paper's way (arXiv 2502.17187): two prompts a batch in
quiz order, `output_router_logits`. lm-evaluation-harness: its hf backend, by size of batch. All of them allocate as
glibc does by itself; *kept* are plain passes that keep what is freed, as recording does. What glibc does depends on
what a process has allocated before, so each case has a process of its own.

A large case is planned whole, in either way, and each n-th pass of a plan is run, or each n-th question: seconds are
then those of a token of the prompts that were in them. Prefixes that are run apart then have fewer passes behind them
than in a whole run, which counts against recording. Shares of the matrix peak count what is needed: products with the
weights of its layers for each token of a prompt, and no logits but those of the answer.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.bench import active_weights
from moe_core.jobs.runs.prepare_trace import look_at, prepare_trace
from moe_core.jobs.runs.run_plan import RunOptions, RunPlan, plan_run
from moe_core.models.inference.forward_passes import ask_batches
from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.planning.batches import BatchRan, Wanted, plan_batches, tokens_run
from moe_core.models.inference.planning.pass_costs import cheapest_rows, filled_rows, pass_cost
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.full_size import build_full_size
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.selection import QuestionSelection, select_questions
from moe_core.system.allocator import kept_allocation
from moe_core.traces.writing.background_writer import BackgroundWriter
from moe_core.traces.writing.writer import TraceWriter
from tests.job_results import result_of

LETTERS = (" A", " B", " C", " D")


@dataclass(frozen=True)
class Case:
    """Questions of MMLU; one in `nth` of the passes that record is run, and one in `nth_plain` of plain ones.

    One in `nth_plain` of the questions is asked in other programs' ways.
    """

    selection: QuestionSelection
    shots: int = 0
    nth: int = 1
    nth_plain: int = 1


CASES = {
    "mmlu": Case(QuestionSelection(), nth=64, nth_plain=64),
    "sample-500": Case(QuestionSelection(sample=500)),
    "subject": Case(QuestionSelection(subjects=("anatomy",))),
    "sample-96": Case(QuestionSelection(sample=96)),
    "sample-32": Case(QuestionSelection(sample=32)),
    "five-shot-24": Case(QuestionSelection(subjects=("anatomy", "formal_logic", "marketing"), sample=24), shots=5),
    "five-shot-72": Case(
        QuestionSelection(subjects=("anatomy", "formal_logic", "marketing"), sample=72), shots=5, nth_plain=3
    ),
    "five-shot": Case(QuestionSelection(subjects=("anatomy",)), shots=5, nth_plain=4),
}
Way = Callable[[], Collection[int]]
"""Runs some questions, and names them."""


def main() -> None:
    """A line for each way and case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="mmlu,sample-500,subject,five-shot")
    parser.add_argument("--against", default="answer,all")
    arguments = parser.parse_args()
    cases = arguments.cases.split(",")
    if len(cases) > 1:
        for name in cases:
            subprocess.run([sys.executable, "-m", __spec__.name, *sys.argv[1:], "--cases", name], check=True)
        return
    heads = arguments.width // 128
    loaded = build_full_size(
        "cpu", "float32", hidden_size=arguments.width, intermediate_size=arguments.width // 2,
        num_hidden_layers=arguments.layers, num_attention_heads=heads, num_key_value_heads=heads,
    )  # fmt: skip
    threads = torch.get_num_threads()
    print(f"width {arguments.width}, {arguments.layers} layers, {threads} threads, medians of {arguments.rounds}")
    with tempfile.TemporaryDirectory() as folder:
        compare(loaded, cases[0], arguments.against.split(","), arguments.rounds, Path(folder))


def compare(loaded: LoadedModel, name: str, against: Sequence[str], rounds: int, folder: Path) -> None:
    """Every way once in each round, and its speed as a share of the plain passes of that round."""
    case = CASES[name]
    quiz = load_quiz("mmlu", offline=True)
    questions, selected = select_questions(quiz, case.selection)
    begin = time.process_time()
    plans = {
        tokens: plan_run(loaded, quiz, questions, selected, RunOptions(case.shots, tokens=tokens), Intervention())
        for tokens in ("answer", "all")
    }
    result_of(prepare_trace(look_at(folder / "made.h5"), plans["all"]))
    made_s, tokenised = time.process_time() - begin, plans["all"].tokenised
    budget, every = plans["all"].specification.batch_tokens, range(len(questions))
    batches, few = plan_batches(tokenised, every, budget, "cpu"), every[:: case.nth_plain]
    ran = tokens_run(batches, tokenised)
    print(
        f"{name}: {len(questions):,} questions tokenised twice and a file made in {made_s:.1f} s; of {len(batches):,} "
        f"passes one in {case.nth} is run; padding {1 - ran.real / ran.padded:.1%}",
        flush=True,
    )
    cut = partial(plain, loaded, tokenised, cut_where_cheapest(tokenised, budget)[:: case.nth_plain])
    ways: dict[str, Way] = {
        "plain, cut": cut,
        "kept": kept_allocation()(cut),
        "plain, filled": partial(plain, loaded, tokenised, filled_up(tokenised, budget)[:: case.nth_plain]),
        "answer": partial(record, loaded, plans["answer"], batches[:: case.nth], folder),
        "all": partial(record, loaded, plans["all"], batches[:: case.nth], folder),
        "paper": partial(papers_way, loaded, tokenised, few),
        **{f"lm-eval-{size}": partial(harness, loaded, tokenised, few, size) for size in (1, 2, 4, 8, 16, 32, 64)},
    }
    plain(loaded, tokenised, [[0]])
    bare = ["plain, cut", "plain, filled"]
    took: dict[str, list[float]] = {way: [] for way in [*bare, *against]}
    peaks = []
    for number in range(rounds):
        peaks.append(matrix_flop_per_second())
        for way, found in took.items():
            found.append(seconds_a_token(ways[way], tokenised))
        us = ", ".join(f"{way} {1e6 * found[-1]:.0f}" for way, found in took.items())
        print(f"  round {number + 1}, us a token: {us}", flush=True)
    best, needed = min(bare, key=lambda way: statistics.median(took[way])), 2 * active_weights(loaded)
    print(f"  matrix peak {statistics.median(peaks) / 1e9:.0f} GFLOP/s, {needed / 1e6:.0f} MFLOP a token needed")
    for way, found in took.items():
        shares = [plain_s / way_s for plain_s, way_s in zip(took[best], found, strict=True)]
        middle, low, high = statistics.median(shares), min(shares), max(shares)
        of_peak = statistics.median(needed / way_s / peak for way_s, peak in zip(found, peaks, strict=True))
        print(f"  {way}: {middle:.3f} of {best} [{low:.3f}, {high:.3f}], {of_peak:.0%} of the peak", flush=True)


def seconds_a_token(way: Way, tokenised: TokenisedQuiz) -> float:
    """Seconds of processor time for each token of the prompts that it runs."""
    begin = time.process_time()
    questions = way()
    return (time.process_time() - begin) / sum(map(tokenised.prompt_length, questions))


def matrix_flop_per_second() -> float:
    """Operations per second of processor time in plain products of large matrices."""
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    left @ right
    begin = time.process_time()
    for _ in range(10):
        left @ right
    return 10 * 2 * 1024**3 / (time.process_time() - begin)


def record(loaded: LoadedModel, plan: RunPlan, batches: Sequence[Batch], folder: Path) -> Collection[int]:
    """Asking these batches and writing what they give, as `moescope record` does."""
    path = folder / "t.h5"
    result_of(prepare_trace(look_at(path), plan))
    questions = [question for batch in batches for question in batch.questions]
    wanted = Wanted(frozenset(questions), frozenset(range(len(plan.tokenised.prefixes))))
    keep_tokens = plan.specification.tokens == "all"
    with TraceWriter(path) as writer, BackgroundWriter(writer) as background:
        asked = ask_batches(
            loaded, plan.tokenised, batches, wanted, keep_tokens=keep_tokens, intervention=Intervention()
        )
        for batch in asked:
            assert isinstance(batch, BatchRan)
            background.write(batch.records)
        background.flush()
    path.unlink()
    return questions


def longest_first(tokenised: TokenisedQuiz) -> list[int]:
    """All questions."""
    return sorted(range(len(tokenised.questions)), key=lambda question: -tokenised.prompt_length(question))


def cut_where_cheapest(tokenised: TokenisedQuiz, budget: int) -> list[list[int]]:
    """The questions of each plain pass, where padding and passes cost the least."""
    order, cost = longest_first(tokenised), replace(pass_cost("cpu"), padding=1)
    return split(order, cheapest_rows([tokenised.prompt_length(n) for n in order], 0, budget, cost))


def filled_up(tokenised: TokenisedQuiz, budget: int) -> list[list[int]]:
    """The questions of each plain pass where every one holds as many as may be."""
    order = longest_first(tokenised)
    return split(order, filled_rows([tokenised.prompt_length(n) for n in order], 0, budget))


def split(order: Sequence[int], rows: Iterable[int]) -> list[list[int]]:
    """So many in turn."""
    stops = np.cumsum(list(rows)).tolist()
    return [list(order[start:stop]) for start, stop in zip([0, *stops], stops, strict=False)]


@torch.inference_mode()
def plain(loaded: LoadedModel, tokenised: TokenisedQuiz, passes: Iterable[Sequence[int]]) -> Collection[int]:
    """Passes over whole prompts, scored at the last token."""
    ran: list[int] = []
    for questions in passes:
        ids, last = padded(tokenised, questions)
        hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        loaded.model.get_output_embeddings()(hidden[torch.arange(len(ids)), last]).log_softmax(-1)
        ran += questions
    return ran


@torch.inference_mode()
def papers_way(loaded: LoadedModel, tokenised: TokenisedQuiz, questions: Sequence[int]) -> Collection[int]:
    """Two prompts at a time in quiz order; router logits of every token, logits of every position."""
    for start in range(0, len(questions), 2):
        ids, last = padded(tokenised, questions[start : start + 2])
        output = loaded.model(input_ids=ids, use_cache=False, output_router_logits=True)
        for layer in output.router_logits:
            layer.float().softmax(-1).topk(8)
        output.logits[torch.arange(len(ids)), last].log_softmax(-1)
    return questions


def harness(
    loaded: LoadedModel, tokenised: TokenisedQuiz, questions: Sequence[int], batch_size: int
) -> Collection[int]:
    """Four continuations a question, as its multiple-choice tasks ask for."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model: Any = HFLM(
        pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size, max_length=4096, prefix_token_id=0
    )
    texts = [loaded.tokenizer.decode(tokenised.prompt_ids(n)) for n in questions]
    requests = [
        Instance("loglikelihood", {}, (text, letter), number) for text in texts for number, letter in enumerate(LETTERS)
    ]
    model.loglikelihood(requests, disable_tqdm=True)
    return questions


def padded(tokenised: TokenisedQuiz, questions: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole prompts as ids [B, T], and the place of each one's last token [B]."""
    rows = [tokenised.prompt_ids(question) for question in questions]
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
    return torch.from_numpy(ids), torch.tensor([len(tokens) - 1 for tokens in rows])


if __name__ == "__main__":
    main()
