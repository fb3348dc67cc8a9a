"""`moescope record`: runs a quiz on a model and writes the trace."""

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import typer

from moe_core.commands.command import Command
from moe_core.commands.job_console import JobInterruptedError, run_job
from moe_core.errors import InterventionError
from moe_core.interventions.file import read_intervention
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.fill_trace import NO_ANSWERS, RecordResult
from moe_core.jobs.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.run_plan import MAX_BATCH_TOKENS, RunOptions
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.selection import QuestionSelection
from moe_core.system.console_text import print_lines


class Protocol(StrEnum):
    """How a question becomes a prompt."""

    PLAIN = "plain"
    CHAT = "chat"


class Tokens(StrEnum):
    """Which tokens' experts are kept one by one."""

    ALL = "all"
    ANSWER = "answer"


class Effect(StrEnum):
    """What a mask does to its experts."""

    REROUTE = "reroute"
    DROP = "drop"


def record_trace(
    model: str = typer.Option(..., help="Hub id (org/name or org/name@revision), local folder, or demo."),
    quiz: str = typer.Option(..., help="mmlu, mmlu:PATH, a .csv/.jsonl/.parquet file, or demo."),
    out: Path = typer.Option(
        ..., readable=False, help="The trace to write; a partial one made by the same command is resumed."
    ),
    answers_from: AnswersFrom | None = typer.Option(
        None, help="How the quiz's answers are read, where it leaves that open: numbers from 0 or 1, letters, texts."
    ),
    subjects: str = typer.Option("", help="Only these subjects, separated by commas."),
    limit: int | None = typer.Option(None, min=1, help="Only the first N questions, in quiz order."),
    sample: int | None = typer.Option(None, min=1, help="Only N questions, drawn from all subjects in proportion."),
    seed: int = typer.Option(0, min=0, help="Seed of --sample."),
    ids: Path | None = typer.Option(
        None, readable=False, help="Only the questions whose ids stand in this file, one a line."
    ),
    shots: int = typer.Option(0, min=0, help="Worked examples before each question."),
    protocol: Protocol = typer.Option(Protocol.PLAIN, help="Prompts as lm-evaluation-harness builds them."),
    tokens: Tokens = typer.Option(Tokens.ALL, help="Keep the experts of every prompt token, or of the answer only."),
    mask: str = typer.Option("", help="Experts to switch off: LAYER:EXPERT,.."),
    intervention: Path | None = typer.Option(None, readable=False, help="A JSON file with an intervention."),
    effect: Effect = typer.Option(Effect.REROUTE, help="What --mask does."),
    device: str = typer.Option("auto", help="auto, cpu, cuda:0, .."),
    dtype: str = typer.Option("auto", help="auto, float32, bfloat16 or float16."),
    batch_tokens: int | None = typer.Option(
        None, min=1, max=MAX_BATCH_TOKENS, help="Tokens per forward pass, padding included."
    ),
    skip_too_long: bool = typer.Option(False, help="Leave out questions longer than the model's context."),
    offline: bool = typer.Option(False, help="Use nothing from the network."),
    allow_network_folder: bool = typer.Option(False, help="Write to a network file system, where less is promised."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Run a quiz on a model and record which experts every token was routed to."""
    request = RecordRequest(
        model=ModelRequest(model, device=device, dtype=dtype, offline=offline),
        quiz=quiz,
        out=out,
        selection=QuestionSelection(
            subjects=tuple(filter(None, (name.strip() for name in subjects.split(",")))),
            limit=limit,
            sample=sample,
            seed=seed,
            ids_file=ids,
        ),
        options=RunOptions(shots, protocol.value, tokens.value, batch_tokens, skip_too_long),
        intervention=_read_intervention(mask, effect.value, intervention),
        allow_network_folder=allow_network_folder,
        answers_from=answers_from,
    )
    try:
        result = run_job(record(request))
    except JobInterruptedError:
        print(f"moescope: stopped; the same command resumes {out}.", file=sys.stderr)
        raise
    print_result(result, as_json=as_json)


def _read_intervention(mask: str, effect: str, path: Path | None) -> Intervention:
    if path is None:
        return parse_mask(mask, effect)
    if mask:
        raise InterventionError("Give either --mask or --intervention, not both.")
    return read_intervention(path)


def print_result(result: RecordResult, *, as_json: bool) -> None:
    """Say what a finished run recorded, or print it as JSON."""
    if as_json:
        print(json.dumps(asdict(result) | {"path": str(result.path)}))
        return
    rate = result.n_questions / result.seconds if result.seconds else 0.0
    failed = f", {result.n_failed:,} of them failed" if result.n_failed else ""
    done = f"Recorded {result.n_questions:,} questions{failed} ({result.n_tokens:,} tokens)"
    print_lines([f"{done} in {result.seconds:.1f} s, {rate:.1f} questions/s: {result.path}"])
    if not result.has_answers:
        print_lines([f"{NO_ANSWERS}."])


COMMAND = Command(name="record", run=record_trace)
