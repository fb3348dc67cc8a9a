"""What a what-if costs by where its mask begins, against a re-run of all layers: ratios, in alternation, medians.

`python -m tests.bench.bench_what_if [--questions N] [--rounds R] [--ray local:2]`, on OLMoE's 16 x 64 architecture of a
narrower width, in this process or on workers. A re-run from what earlier ones left gives the same numbers bit for bit:
tests/models/inference/kept/test_kept_passes.py.

Seconds are those of the processor with one thread in this process (OMP_NUM_THREADS=1), which other programs hardly
change; else those of the clock.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.jobs.workers.spread_model import engine_on
from moe_core.models.inference.model_here import ModelHere
from moe_core.models.inference.planning.batches import Prompts
from moe_core.models.loading.full_size import build_full_size
from moe_core.quizzes.prompting import TokenisedQuiz
from tests.bench.mmlu_sized import first, sized_quiz
from tests.job_results import result_of
from tests.tiny_models import save_tokenizer

BATCH_TOKENS = 4096


def main() -> None:
    """One line for each layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--ray", default="", help="where the workers are")
    arguments = parser.parse_args()
    hidden = arguments.hidden
    loaded = build_full_size(
        "cpu", "float32", with_tokenizer=False, hidden_size=hidden, intermediate_size=hidden // 2,
        num_attention_heads=8, num_key_value_heads=8,
    )  # fmt: skip
    quiz = first(sized_quiz(0), arguments.questions)
    threads = torch.get_num_threads()
    clock = time.perf_counter if arguments.ray or threads > 1 else time.process_time
    print(f"{threads} threads, {len(quiz.questions)} questions, width {hidden}, {clock.__name__}", flush=True)
    if not arguments.ray:
        compare(ModelHere.of(loaded), quiz, arguments.rounds, clock)
        return
    with tempfile.TemporaryDirectory() as folder:
        loaded.model.save_pretrained(folder)
        save_tokenizer(Path(folder))
        engine = engine_on(arguments.ray)
        try:
            compare(result_of(engine.load(ModelRequest(folder, "cpu", "float32"))), quiz, arguments.rounds, clock)
        finally:
            engine.release()


def compare(loaded: RunningModel, quiz: TokenisedQuiz, rounds: int, clock: Callable[[], float]) -> None:
    """Runs by where their masks begin, each beside one of all layers."""

    def seconds(mask: Intervention, kept: Kept | None) -> float:
        begin = clock()
        for _ in loaded.ask(prompts(quiz, mask), kept):
            pass
        return clock() - begin

    kept = loaded.keep(prompts(quiz, Intervention()))
    print(kept.text)
    seconds(parse_mask("15:1"), kept)  # leaves what the others begin with
    ratios: dict[int, list[float]] = {layer: [] for layer in (0, 4, 8, 12, 15)}
    alone = replace(parse_mask("0:1,0:7"), at_answer=True)
    seconds(alone, kept)
    print(kept.answers_text)
    at_answer = []
    for _ in range(rounds):
        at_answer.append(seconds(alone, kept) / seconds(parse_mask("0:1,0:7"), None))
        for layer, found in ratios.items():
            mask = parse_mask(f"{layer}:1,{layer}:7")
            whole = seconds(mask, None)
            found.append(seconds(mask, kept) / whole)
    for layer, found in ratios.items():
        print(f"masks from layer {layer:2d} on: {middle(found)} of a re-run of all layers")
    print(f"masks at the answer alone: {middle(at_answer)} of a re-run of all tokens")


def middle(found: Sequence[float]) -> str:
    """The median, and the extremes."""
    return f"{statistics.median(found):.3f} [{min(found):.3f}, {max(found):.3f}]"


def prompts(quiz: TokenisedQuiz, mask: Intervention) -> Prompts:
    """All questions, with every token."""
    every = range(len(quiz.questions)), range(len(quiz.prefixes))
    return Prompts(quiz, *every, BATCH_TOKENS, keep_tokens=True, intervention=mask)


if __name__ == "__main__":
    main()
