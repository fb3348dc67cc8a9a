"""How fast this machine records: against plain passes over the same prompts, and against its matrix peak.

All three are measured in one run on one device, so that their ratios hold on a noisy machine as well.
"""

import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.load_model import ModelRequest, compile_model, load_model
from moe_core.jobs.runs.fill_trace import fill_trace
from moe_core.jobs.runs.prepare_trace import look_at, prepare_trace
from moe_core.jobs.runs.run_plan import RunOptions, RunPlan, plan_run
from moe_core.models.inference.planning.batches import plan_batches, tokens_run
from moe_core.models.inference.planning.pass_costs import cheapest_rows, pass_cost
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.prompting import TokenisedQuiz, worked_examples
from moe_core.quizzes.selection import QuestionSelection, select_questions
from moe_core.system.allocator import kept_allocation
from moe_core.system.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel

MATRIX_SIZE = {"cpu": 1024, "cuda": 8192}
MATRIX_SECONDS = 1.0


@dataclass(frozen=True)
class BenchRequest:
    """What to time; `full_size` takes OLMoE-1B-7B's architecture with random weights built on the device instead."""

    model: ModelRequest
    quiz: str
    full_size: bool = False
    selection: QuestionSelection = field(default_factory=QuestionSelection)
    options: RunOptions = field(default_factory=RunOptions)


@dataclass(frozen=True)
class Speed:
    """What one benchmark run measured; flop counts two operations per weight that a token really uses.

    `peak_memory_bytes` is the most that was in use while recording: of the GPU, else of this process, weights included.
    """

    n_questions: int
    n_tokens: int
    questions_per_second: float
    tokens_per_second: float
    recording_over_bare: float
    flop_per_second: float
    matrix_flop_per_second: float
    peak_memory_bytes: int | None = None

    @property
    def share_of_matrix_peak(self) -> float:
        """Model operations per second as a share of what plain matrix products reach on this device, 0 to 1."""
        return self.flop_per_second / self.matrix_flop_per_second


def bench(request: BenchRequest) -> Generator[Event, None, Speed]:
    """The speed of recording `request.quiz`; raises what loading a model or a quiz raises."""
    yield Stage(f"Reading quiz {request.quiz}")
    quiz = load_quiz(request.quiz, offline=request.model.offline)
    questions, selected = select_questions(quiz, request.selection)
    worked_examples(quiz, questions, request.options.shots)  # before a model is loaded for nothing
    if request.full_size:
        yield Stage("Building OLMoE-1B-7B with random weights")
        from moe_core.models.loading.full_size import build_full_size

        loaded = build_full_size(request.model.device, request.model.dtype)
        if request.model.compile:
            loaded = yield from compile_model(loaded)
    else:
        loaded = yield from load_model(request.model)
    return (
        yield from measure_speed(loaded, plan_run(loaded, quiz, questions, selected, request.options, Intervention()))
    )


def measure_speed(loaded: "LoadedModel", plan: RunPlan) -> Generator[Event, None, Speed]:
    """Record the planned quiz into a temporary trace, run it bare, and multiply matrices.

    `recording_over_bare` is the time of the recorded run, writing included, over that of the bare one, which runs every
    prompt whole: where prefixes are shared, recording may be the faster one.
    """
    from moe_core.models.inference.model_here import ModelHere

    tokenised, budget = plan.tokenised, plan.specification.batch_tokens
    yield Stage("Warming up")
    run_bare(loaded, tokenised, budget, max_batches=2)
    with temporary_folder("moescope-bench-") as folder:
        path = folder / "bench.h5"
        _forget_peak_memory(loaded.model.device)
        yield from prepare_trace(look_at(path), plan)
        result = yield from fill_trace(path, ModelHere.of(loaded), plan)
        peak_memory = _peak_memory(loaded.model.device)
    yield Stage("Running the same prompts without recording")
    bare_seconds = _seconds(loaded, lambda: run_bare(loaded, tokenised, budget))
    yield Stage("Measuring the matrix peak")
    matrix = matrix_flop_per_second(loaded.model.device, loaded.model.dtype)
    every, device = range(len(tokenised.questions)), loaded.specification.device
    batches = plan_batches(tokenised, every, budget, device, plan.specification.batch_plan)
    n_forward = tokens_run(batches, tokenised).real
    return Speed(
        n_questions=result.n_questions,
        n_tokens=n_forward,
        questions_per_second=result.n_questions / result.seconds,
        tokens_per_second=n_forward / result.seconds,
        recording_over_bare=result.seconds / bare_seconds,
        flop_per_second=2 * active_weights(loaded) * n_forward / result.seconds,
        matrix_flop_per_second=matrix,
        peak_memory_bytes=peak_memory,
    )


def active_weights(loaded: "LoadedModel") -> int:
    """Weights that one token is multiplied with: all but the embeddings and the experts it is not routed to."""
    embeddings = loaded.model.get_input_embeddings().weight.numel()
    experts = sum(weight.numel() for router in loaded.routers for weight in router.experts.parameters())
    used = experts * loaded.specification.top_k // loaded.specification.n_experts
    total = sum(weight.numel() for weight in loaded.model.base_model.parameters())
    return int(total - embeddings - experts + used)


def run_bare(loaded: "LoadedModel", tokenised: TokenisedQuiz, budget: int, *, max_batches: int | None = None) -> None:
    """Whole prompts, the longest first, in as few tokens and passes as plain sorting allows; nothing is recorded.

    Memory is kept from layer to layer as it is while recording: what is compared is recording alone.
    """
    import torch
    from torch.nn.attention import sdpa_kernel

    from moe_core.models.inference.asking import ATTENTION_KERNELS
    from moe_core.models.inference.watching.spans import on_device

    longest_first = sorted(range(len(tokenised.questions)), key=lambda question: -tokenised.prompt_length(question))
    lengths = [tokenised.prompt_length(question) for question in longest_first]
    cost = replace(pass_cost(loaded.specification.device), padding=1)
    device, start = loaded.model.device, 0
    with kept_allocation(), torch.inference_mode(), sdpa_kernel(ATTENTION_KERNELS):
        for count in cheapest_rows(lengths, 0, budget, cost)[:max_batches]:
            ids = np.zeros((count, lengths[start]), dtype=np.int64)  # [B, T]
            for row, question in enumerate(longest_first[start : start + count]):
                ids[row, : lengths[start + row]] = tokenised.prompt_ids(question)
            start += count
            (ids_there,) = on_device([torch.from_numpy(ids)], device)
            hidden = loaded.model.base_model(input_ids=ids_there, use_cache=False).last_hidden_state
            loaded.model.get_output_embeddings()(hidden[:, -1])


def matrix_flop_per_second(device: Any, dtype: Any) -> float:
    """Operations per second of plain matrix products on this device, in this dtype."""
    import torch

    size = MATRIX_SIZE.get(device.type, MATRIX_SIZE["cpu"])
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < MATRIX_SECONDS:
        left @ right
        _wait(device)
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - begin)


def _seconds(loaded: "LoadedModel", work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    _wait(loaded.model.device)
    return time.perf_counter() - begin


def _forget_peak_memory(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak_memory(device: Any) -> int | None:
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":  # which has no resource module
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
