"""Runs a quiz on a model and writes the trace; run again with the same request, it resumes a partial one."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moe_core.errors import RunError, SpecificationMismatchError, TraceError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.clock import Clock
from moe_core.jobs.engine import Engine
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.load_model import ModelRequest
from moe_core.jobs.run_plan import RunOptions, RunPlan, plan_run
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.selection import QuestionSelection, select_questions
from moe_core.system.network_folder import check_folder
from moe_core.traces.creation import create_trace
from moe_core.traces.library import SUFFIXES
from moe_core.traces.lock import refuse_unwritable
from moe_core.traces.reader import open_trace
from moe_core.traces.records import QuestionRecord
from moe_core.traces.specification import Specification, differences
from moe_core.traces.writer import TraceWriter

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True)
class RecordRequest:
    """What `moescope record` was asked for."""

    model: ModelRequest
    quiz: str
    out: Path
    selection: QuestionSelection = field(default_factory=QuestionSelection)
    options: RunOptions = field(default_factory=RunOptions)
    intervention: Intervention = field(default_factory=Intervention)
    allow_network_folder: bool = False


@dataclass(frozen=True)
class RecordResult:
    """A finished run; the counts are of this run alone. `n_failed`: questions with a value that is not finite."""

    path: Path
    n_questions: int
    n_failed: int
    n_tokens: int
    seconds: float


def record(request: RecordRequest, engine: Engine | None = None) -> Generator[Event, None, RecordResult]:
    """Events while the quiz runs, the result in the end. Closing it keeps what was written: the same request resumes.

    `engine` keeps the model for the next run; without one it is let go at the end.

    Raises SpecificationMismatchError when `out` is complete or was made by another request; QuizError, PromptError,
    ModelError, DeviceError, InterventionError, RunError and TraceError say what each of them says.
    """
    refuse_unwritable(request.out)
    _refuse_complete(request.out)
    if warning := check_folder(request.out.parent, allowed=request.allow_network_folder):
        yield Notice(warning)
    if request.out.suffix.lower() not in SUFFIXES:
        yield Notice(f"{request.out.name} does not end in {SUFFIXES[0]}: the window lists only what does")
    yield Stage(f"Reading quiz {request.quiz}")
    quiz = load_quiz(request.quiz, offline=request.model.offline)
    questions, selected = select_questions(quiz, request.selection)
    engine = engine or Engine()
    loaded = yield from engine.load(request.model)
    yield Stage(f"Preparing {len(questions):,} prompts")
    plan = plan_run(loaded, quiz, questions, selected, request.options, request.intervention)
    if skipped := plan.specification.quiz.skipped:
        yield Notice(f"Skipped {len(skipped):,} questions longer than the model's context")
    if request.out.exists():
        plan = _batched_as_begun(request, plan)
        refuse_other(request.out, plan.specification)
        yield Notice(f"Resuming {request.out}")
    else:
        create_trace(request.out, plan.specification, plan.tokenised, plan.token_texts)
    with engine.released_when_lost():
        return (yield from fill_trace(request.out, loaded, plan))


def fill_trace(path: Path, loaded: "LoadedModel", plan: RunPlan) -> Generator[Event, None, RecordResult]:
    """Ask every question that `path` does not hold yet and write its rows, batch by batch.

    Raises RunError at the end where not one of them could be answered.
    """
    from moe_core.models.inference.forward_passes import ask

    tokenised, specification = plan.tokenised, plan.specification
    with TraceWriter(path) as writer:
        pending = writer.pending_questions
        clock = Clock(len(plan.tokenised.questions), len(pending), sum(map(tokenised.prompt_length, pending)))
        yield clock.progress()
        batches = ask(
            loaded,
            tokenised,
            range(len(tokenised.questions)),
            writer.pending_prefixes,
            batch_tokens=specification.batch_tokens,
            keep_tokens=specification.tokens == "all",
            intervention=plan.intervention,
            pending=pending,
        )
        with closing(batches):
            for records in batches:
                if not isinstance(records, list):
                    yield Notice(records.text)
                    continue
                writer.write(records)
                clock.count(tokenised, [item for item in records if isinstance(item, QuestionRecord)])
                yield clock.progress()
    if clock.n_asked and clock.n_failed == clock.n_asked:
        raise RunError(
            f"None of {clock.n_asked:,} questions could be answered, since the model's numbers were not finite: "
            f"{path} says of each which; in another number format (--dtype float32) they may be."
        )
    return RecordResult(path, clock.n_asked, clock.n_failed, clock.n_tokens, clock.seconds)


def _refuse_complete(path: Path) -> None:
    """A finished trace is never touched; seen before the model is loaded, so that the answer comes at once."""
    if not path.exists():
        return
    with open_trace(path) as trace:
        if trace.complete:
            raise TraceError(f"{path} is complete; give another name with --out to record again.")


def _batched_as_begun(request: RecordRequest, plan: RunPlan) -> RunPlan:
    """The plan with the token budget of the trace that is resumed, unless the request names one."""
    if request.options.batch_tokens is not None:
        return plan
    with open_trace(request.out) as trace:
        begun = trace.specification.batch_tokens
    return replace(plan, specification=replace(plan.specification, batch_tokens=begun))


def refuse_other(path: Path, specification: Specification) -> None:
    """Raise SpecificationMismatchError when the trace under `path` is of another run, each difference a note."""
    with open_trace(path) as trace:
        differing = differences(specification, trace.specification)
    if differing:
        error = SpecificationMismatchError(f"{path} was made by another command; give another name with --out.")
        for difference in differing:
            error.add_note(difference)
        raise error
