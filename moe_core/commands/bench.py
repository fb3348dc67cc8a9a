"""`moescope bench`: how fast this machine records, in questions, tokens and share of its matrix peak."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.options import AsJson, BatchTokens, Compile, Device, Dtype, Sample, Shots
from moe_core.errors import MoeCoreError
from moe_core.jobs.bench import BenchRequest, Speed, bench
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.numbers.formatting import percent, short
from moe_core.quizzes.selection import QuestionSelection


def measure(
    model: Annotated[str | None, typer.Option(help="Hub id, local folder, or demo, which it is by itself.")] = None,
    quiz: Annotated[str, typer.Option(help="mmlu, mmlu:PATH, a quiz file, or demo.")] = "demo",
    full_size: Annotated[
        bool, typer.Option("--full-size", help="OLMoE-1B-7B's architecture with random weights, built on the device.")
    ] = False,
    sample: Sample = None,
    shots: Shots = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    compiled: Compile = False,
    batch_tokens: BatchTokens = None,
    as_json: AsJson = False,
) -> None:
    """Time recording, the same prompts without recording, and plain matrix products, in one run.

    With --compile recording alone runs compiled.
    """
    if full_size and model is not None:
        raise MoeCoreError("Give either --model or --full-size, which builds a model of its own, not both.")
    request = BenchRequest(
        ModelRequest(model or "demo", device=device, dtype=dtype, offline=True, compile=compiled),
        quiz,
        full_size=full_size,
        selection=QuestionSelection(sample=sample),
        options=RunOptions(shots=shots, batch_tokens=batch_tokens),
    )
    speed = run_job(bench(request))
    if as_json:
        print(json.dumps(asdict(speed) | {"share_of_matrix_peak": speed.share_of_matrix_peak}))
    else:
        print(_text(speed))


def _text(speed: Speed) -> str:
    return "\n".join(
        [
            f"{speed.n_questions:,} questions, {speed.n_tokens:,} tokens run",
            f"{speed.questions_per_second:,.1f} questions/s, {speed.tokens_per_second:,.0f} tokens/s",
            f"recording takes {speed.recording_over_bare:.2f} times the bare forward passes",
            f"model {short(speed.flop_per_second / 1e12)} TFLOP/s, "
            f"matrix peak {short(speed.matrix_flop_per_second / 1e12)} TFLOP/s: "
            f"{percent(speed.share_of_matrix_peak)} of the peak",
            *_memory(speed),
        ]
    )


def _memory(speed: Speed) -> list[str]:
    if speed.peak_memory_bytes is None:
        return []
    return [f"peak memory {short(speed.peak_memory_bytes / 2**30)} GiB, weights included"]
