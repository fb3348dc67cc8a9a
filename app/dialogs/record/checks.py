"""Looks at the model and the quiz of the record dialog in the job thread, a moment after they were typed."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QTimer, Signal

from app.dialogs.record.values import RecordValues
from app.running.job_runner import Inquiry, JobRunner
from app.running.job_thread import Job, JobEnded
from moe_core.jobs.inspect_model import ModelSummary, check_and_inspect, inspect_model
from moe_core.jobs.inspect_quiz import QuizSummary, inspect_quiz
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.fill_trace import NO_ANSWERS
from moe_core.models.loading.chat_templates import DEFAULT
from moe_core.numbers.formatting import counted, data_size, significant
from moe_core.quizzes.chat_template import TemplateChoice, thinking_remark

DELAY_MS = 500
_SHOWN_NOTES = 2  # of the rows that cannot be used


class Check(QObject):
    """One question to the job thread, asked anew whenever what it is about changes; only the last answer counts.

    `told` comes when `text`, `is_problem` or `summary` (None while not known) changed.
    """

    told = Signal()

    def __init__(self, runner: JobRunner, parent: QObject) -> None:
        super().__init__(parent)
        self.text = ""
        self.is_problem = False
        self.summary: object = None
        self._runner = runner
        self._title = ""
        self._subject: object = None
        self._make_job: Callable[[Engine], Job] | None = None
        self._inquiry: Inquiry | None = None
        self._delay = QTimer(self, interval=DELAY_MS, singleShot=True)
        self._delay.timeout.connect(self._ask)

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still to come."""
        return self._delay.isActive() or self._inquiry is not None

    def ask(self, subject: object, title: str, make_job: Callable[[Engine], Job], *, again: bool = False) -> None:
        """Ask soon, unless the same was asked before; `again` asks at once in any case."""
        if subject == self._subject and not again:
            return
        self.stop()
        self._subject, self._title, self._make_job = subject, title, make_job
        self._tell("")
        if again:
            self._ask()
        else:
            self._delay.start()

    def stop(self) -> None:
        """Wait for no answer any more."""
        self._delay.stop()
        if self._inquiry is not None:
            self._inquiry.told.disconnect(self._on_told)
            self._inquiry.ended.disconnect(self._on_ended)
            self._inquiry.cancel()
        self._inquiry, self._subject = None, None

    def forget(self) -> None:
        """Ask nothing: what it is about cannot be used."""
        self.stop()
        self._tell("")

    def _ask(self) -> None:
        if self._make_job is None or not self._runner.takes_inquiries:
            return
        self._inquiry = self._runner.inquire(self._title, self._make_job)
        self._inquiry.told.connect(self._on_told)
        self._inquiry.ended.connect(self._on_ended)

    def _on_told(self, text: str) -> None:
        self._tell(f"{text} …")

    def _on_ended(self, ended: JobEnded) -> None:
        self._inquiry = None
        if ended.outcome == "failed":
            self._tell("\n".join([ended.sentence, *ended.notes[:_SHOWN_NOTES]]), is_problem=True)
            return
        self._tell("", summary=ended.result)

    def _tell(self, text: str, *, is_problem: bool = False, summary: object = None) -> None:
        self.text, self.is_problem, self.summary = text, is_problem, summary
        self.told.emit()


def check_model(check: Check, values: RecordValues) -> None:
    """Ask what the model downloads and needs."""
    request = values.model_request
    check.ask(request, f"Looking at {request.model}", lambda engine: inspect_model(request, engine))


def check_routing(check: Check, values: RecordValues, known: ModelSummary | None) -> None:
    """Load the model, and run its self-check; only look again where it would be downloaded, or does not fit."""
    request = values.model_request
    loads = known is not None and known.fits and not known.download_bytes
    job = check_and_inspect if loads else inspect_model
    check.ask(request, f"Checking {request.model}", lambda engine: job(request, engine), again=True)


def check_quiz(check: Check, values: RecordValues) -> None:
    """Ask what the quiz holds; nothing is downloaded only to look."""
    quiz, answers = values.quiz_text, values.answers_from
    title = f"Reading {quiz}"
    check.ask((quiz, answers), title, lambda engine: inspect_quiz(quiz, offline=True, answers_from=answers))


def is_hopeless(check: Check, values: RecordValues) -> bool:
    """Whether recording would end as the look at the quiz did; what is only not here may still be fetched."""
    return check.is_problem and values.quiz_text != "mmlu"


def model_text(summary: ModelSummary) -> str:
    """What a model is, what it downloads, and whether it fits."""
    shape = f"{summary.n_layers} layers × {summary.n_experts} experts, top-{summary.top_k}"
    download = f"Downloads {data_size(summary.download_bytes)}" if summary.download_bytes else "Nothing to download"
    place = f"on {summary.device} as {summary.dtype}"
    free = "" if summary.free is None else f"{data_size(summary.free)} free"
    fit = f"{download}; needs {data_size(summary.memory.total)}{' of ' * bool(free)}{free} {place}."
    if summary.lacking:
        fit = f"{download}. Does not fit {place}: {summary.lacking} need more than the {free}."
    if summary.spread:
        fit = f"{download}; needs {data_size(summary.memory.total)} as {summary.dtype}: {summary.spread}."
    may = summary.self_check or "What may be done with it is checked as it loads, or now by “Check”."
    return f"{summary.family}, {shape}, {_large(summary.n_parameters)} weights.\n{fit}\n{may}"


def memory_text(summary: ModelSummary) -> str:
    """The memory estimate by part."""
    memory = summary.memory
    parts = [("experts", memory.experts), ("other weights", memory.others), ("a batch in flight", memory.working)]
    if memory.loading:
        parts.append(("copies while loading", memory.loading))
    needed = ", ".join(f"{name} {data_size(size)}" for name, size in parts)
    answers = f"What acts at the answer alone holds several batches, up to {data_size(memory.answers)} in place of one."
    return f"Memory needed: {needed}. {answers}"


def template_text(choice: TemplateChoice, templates: Mapping[str, str]) -> str:
    """What there is to choose among, and what to know of the chosen one."""
    names = ", ".join(sorted(templates))
    remark = thinking_remark(templates.get(choice.name or DEFAULT, ""), choice)
    return remark or (f"Templates: {names}" if len(templates) > 1 else "")


def quiz_text(summary: QuizSummary) -> str:
    """What a quiz holds, and what a person should know of how it was read."""
    n_subjects = len(summary.subjects)
    first = f"{summary.n_questions:,} questions in {counted(n_subjects, 'subject')}"
    return "; ".join([first, *([] if summary.has_answers else [NO_ANSWERS.lower()]), *summary.remarks])


def examples_text(summary: QuizSummary) -> str:
    """How many worked examples can be shown."""
    fewest = min((subject.n_shots for subject in summary.subjects), default=0)
    return f"0 to {fewest}: worked examples of each subject" if fewest else "This quiz has no worked examples"


def _large(count: int) -> str:
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{significant(count / size)} {name}"
    return f"{count:,}"
