"""Runs a quiz on a model and writes the trace; run again with the same request, it resumes a partial one."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

from moe_core.errors import Remedy, TraceError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.engine import Engine
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.fill_trace import NO_ANSWERS, RecordResult, fill_trace
from moe_core.jobs.load_model import ModelRequest
from moe_core.jobs.prepare_trace import Target, look_at, prepare_trace
from moe_core.jobs.run_plan import RunOptions, plan_run
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.selection import QuestionSelection, select_questions
from moe_core.system.network_folder import check_folder
from moe_core.traces.library import SUFFIXES
from moe_core.traces.lock import refuse_unwritable


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
    answers_from: AnswersFrom | None = None


def record(request: RecordRequest, engine: Engine | None = None) -> Generator[Event, None, RecordResult]:
    """Events while the quiz runs, the result in the end. Closing it keeps what was written: the same request resumes.

    `engine` keeps the model for the next run; without one it is let go at the end.

    Raises SpecificationMismatchError when `out` is complete or was made by another request; QuizError, PromptError,
    ModelError, DeviceError, InterventionError, RunError and TraceError say what each of them says.
    """
    refuse_unwritable(request.out)
    target = look_at(request.out)
    if target.complete:
        raise TraceError(f"{request.out} is complete.", Remedy.CHOOSE_OTHER_NAME)
    if warning := check_folder(request.out.parent, allowed=request.allow_network_folder):
        yield Notice(warning)
    if request.out.suffix.lower() not in SUFFIXES:
        yield Notice(f"{request.out.name} does not end in {SUFFIXES[0]}: the window lists only what does")
    yield Stage(f"Reading quiz {request.quiz}")
    quiz = load_quiz(request.quiz, offline=request.model.offline, answers_from=request.answers_from)
    for remark in (*quiz.remarks, *([] if quiz.has_answers else [NO_ANSWERS])):
        yield Notice(remark)
    questions, selected = select_questions(quiz, request.selection)
    engine = engine or Engine()
    loaded = yield from engine.load(request.model)
    yield Stage(f"Preparing {len(questions):,} prompts")
    options = _batched_as_begun(request.options, target)
    plan = plan_run(loaded, quiz, questions, selected, options, request.intervention)
    if skipped := plan.specification.quiz.skipped:
        yield Notice(f"Skipped {len(skipped):,} questions longer than the model's context")
    yield from prepare_trace(target, plan)
    with engine.released_when_lost():
        return (yield from fill_trace(request.out, loaded, plan))


def _batched_as_begun(options: RunOptions, target: Target) -> RunOptions:
    """The options with the token budget of the trace that is resumed, unless they name one."""
    begun = None if target.of is None else target.of.batch_tokens
    return replace(options, batch_tokens=options.batch_tokens or begun)
