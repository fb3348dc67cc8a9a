"""`moescope record`: runs a quiz on a model and writes the trace."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.options import (
    MOST_SEED,
    AllowNetworkFolder,
    AsJson,
    BatchTokens,
    Cluster,
    Compile,
    Device,
    Dtype,
    Effect,
    IdsFile,
    InterventionFile,
    Offline,
    Sample,
    Shots,
    engine_at,
    takes_groups,
)
from moe_core.errors import InterventionError, PromptError
from moe_core.interventions.file import read_intervention
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.fill_trace import NO_ANSWERS, RecordResult
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.quizzes.chat_template import TemplateChoice, parse_arguments
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


@dataclass(frozen=True)
class Selection:
    """Which questions of the quiz are asked."""

    subjects: Annotated[str, typer.Option(help="Only these subjects, separated by commas.")] = ""
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions, in quiz order.")] = None
    sample: Sample = None
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of --sample.")] = 0
    ids: IdsFile = None

    def read(self) -> QuestionSelection:
        """The same as a job takes it."""
        subjects = tuple(filter(None, (name.strip() for name in self.subjects.split(","))))
        return QuestionSelection(subjects, self.limit, self.sample, self.seed, self.ids)


@dataclass(frozen=True)
class Template:
    """How the chat template is used."""

    template: Annotated[str, typer.Option(help="Which of several chat templates, by its name.")] = ""
    template_args: Annotated[str, typer.Option(help="Keywords for the chat template: enable_thinking=false,..")] = ""

    def read(self, protocol: Protocol) -> TemplateChoice:
        """The same as a job takes it; raises PromptError where the keywords are none, or nothing would use it."""
        if protocol is not Protocol.CHAT and (self.template or self.template_args):
            raise PromptError("--template and --template-args are for --protocol chat.")
        return TemplateChoice(self.template, parse_arguments(self.template_args))


@dataclass(frozen=True)
class Actions:
    """What is done to experts meanwhile."""

    mask: Annotated[
        str, typer.Option(help="Switch off experts, LAYER:EXPERT,.. by own layer numbers, or LAYER:EXPERT:NEURON,..")
    ] = ""
    intervention: InterventionFile = None
    effect: Annotated[Effect, typer.Option(help="What --mask does.")] = Effect.REROUTE

    def read(self) -> Intervention:
        """The same as a job takes it; raises InterventionError where it is none, or two."""
        if self.intervention is None:
            return parse_mask(self.mask, self.effect.value)
        if self.mask:
            raise InterventionError("Give either --mask or --intervention, not both.")
        return read_intervention(self.intervention)


@takes_groups
def record_trace(
    model: Annotated[str, typer.Option(help="Hub id (org/name or org/name@revision), local folder, or demo.")],
    quiz: Annotated[str, typer.Option(help="mmlu, mmlu:PATH, a .csv/.jsonl/.parquet file, demo, or text:FILE.")],
    out: Annotated[
        Path,
        typer.Option(readable=False, help="The trace to write; a partial one made by the same command is resumed."),
    ],
    answers_from: Annotated[
        AnswersFrom | None,
        typer.Option(
            help="How the quiz's answers are read, where it leaves that open: numbers from 0 or 1, letters, texts."
        ),
    ] = None,
    *,
    selection: Selection,
    shots: Shots = 0,
    protocol: Annotated[Protocol, typer.Option(help="Prompts as lm-evaluation-harness builds them.")] = Protocol.PLAIN,
    template: Template,
    tokens: Annotated[
        Tokens, typer.Option(help="Keep the experts of every prompt token, or of the answer only.")
    ] = Tokens.ALL,
    actions: Actions,
    device: Device = "auto",
    dtype: Dtype = "auto",
    compiled: Compile = False,
    batch_tokens: BatchTokens = None,
    skip_too_long: Annotated[bool, typer.Option(help="Leave out questions longer than the model's context.")] = False,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Cut plain text (text:FILE) to so many tokens; else at the context.")
    ] = None,
    offline: Offline = False,
    ray: Cluster = None,
    allow_network_folder: AllowNetworkFolder = False,
    as_json: AsJson = False,
) -> None:
    """Run a quiz on a model and record which experts every token was routed to."""
    request = RecordRequest(
        model=ModelRequest(model, device=device, dtype=dtype, offline=offline, compile=compiled),
        quiz=quiz,
        out=out,
        selection=selection.read(),
        options=RunOptions(
            shots, protocol.value, tokens.value, batch_tokens, skip_too_long, template.read(protocol), max_tokens
        ),
        intervention=actions.read(),
        allow_network_folder=allow_network_folder,
        answers_from=answers_from,
    )
    with engine_at(ray) as engine:
        result = run_job(record(request, engine), when_stopped=f"the same command resumes {out}")
    print_result(result, as_json=as_json)


def print_result(result: RecordResult, *, as_json: bool) -> None:
    """Say what a finished run recorded, or print it as JSON."""
    if as_json:
        print(json.dumps(asdict(result) | {"path": str(result.path)}))
        return
    rate, items = result.n_questions / result.seconds if result.seconds else 0.0, f"{result.item}s"
    failed = f", {result.n_failed:,} of them failed" if result.n_failed else ""
    done = f"Recorded {result.n_questions:,} {items}{failed} ({result.n_tokens:,} tokens)"
    print_lines([f"{done} in {result.seconds:.1f} s, {rate:.1f} {items}/s: {result.path}"])
    if not result.has_answers:
        print_lines([f"{NO_ANSWERS}."])
