"""Runs a quiz on a model and writes the trace; run again with the same request, it resumes a partial one."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

from moe_core.errors import Remedy, TraceError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest, refuse_unsound
from moe_core.jobs.runs.fill_trace import NO_ANSWERS, RecordResult, fill_trace
from moe_core.jobs.runs.prepare_trace import Target, look_at, prepare_trace
from moe_core.jobs.runs.rerun_plan import all_rows, first_other_prompt, plan_rerun
from moe_core.jobs.runs.run_plan import RunOptions, RunPlan, plan_run
from moe_core.jobs.runs.running_model import RunningModel
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.prompting import worked_examples
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.selection import QuestionSelection, select_questions
from moe_core.system.network_folder import network_warning
from moe_core.traces.library import SUFFIXES
from moe_core.traces.lock import refuse_unwritable
from moe_core.traces.reader import open_trace


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))  # scripts give a text, too


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
    if warning := network_warning(request.out.parent, allowed=request.allow_network_folder):
        yield Notice(warning)
    if request.out.suffix.lower() not in SUFFIXES:
        yield Notice(f"{request.out.name} does not end in {SUFFIXES[0]}: the window lists only what does")
    yield Stage(f"Reading quiz {request.quiz}")
    quiz = load_quiz(request.quiz, offline=request.model.offline, answers_from=request.answers_from)
    for remark in (*quiz.remarks, *([] if quiz.has_answers else [NO_ANSWERS])):
        yield Notice(remark)
    questions, selected = select_questions(quiz, request.selection)
    worked_examples(quiz, questions, request.options.shots)  # before a model is loaded for nothing
    engine = engine or Engine()
    loaded = yield from engine.load(request.model)
    refuse_unsound(loaded)
    loaded.check_actions(request.intervention)
    yield Stage(f"Preparing {len(questions):,} prompts")
    options = _batched_as_begun(request.options, target)
    plan = plan_run(loaded, quiz, questions, selected, options, request.intervention)
    yield from plan.notices
    if skipped := plan.specification.quiz.skipped:
        yield Notice(f"Skipped {len(skipped):,} questions longer than the model's context")
    if target.of is not None and target.of.prompts_sha256 != plan.specification.prompts_sha256:
        plan = yield from _with_recorded_prompts(request.out, plan, loaded)
    yield from prepare_trace(target, plan)
    with engine.released_when_lost():
        return (yield from fill_trace(request.out, loaded, plan))


def _with_recorded_prompts(path: Path, plan: RunPlan, loaded: RunningModel) -> Generator[Event, None, RunPlan]:
    """The plan with the prompts that the trace was begun with, where the same questions would be asked otherwise now.

    A chat template may write today's date, and so the same command other prompts than yesterday.
    """
    with open_trace(path) as trace:
        if list(trace.ids) != [question.id for question in plan.tokenised.questions]:
            return plan  # another run altogether, which is refused by its differences
        recorded = plan_rerun(trace, all_rows(trace), loaded)
        if not (other := first_other_prompt(trace, plan.tokenised)):
            return plan
    yield Notice(f"The prompts would be others now, first that of question {other}: the recorded ones are kept")
    specification = replace(plan.specification, prompts_sha256=recorded.specification.prompts_sha256)
    return replace(recorded, specification=specification, notices=())


def _batched_as_begun(options: RunOptions, target: Target) -> RunOptions:
    """The options with the token budget of the trace that is resumed, unless they name one."""
    begun = None if target.of is None else target.of.batch_tokens
    return replace(options, batch_tokens=options.batch_tokens or begun)
