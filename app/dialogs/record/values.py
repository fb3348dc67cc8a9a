"""What the record dialog holds: the fields as typed, the request they mean, and what is certain to fail."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app.content.remedies import sentence_of
from moe_core.errors import ModelError, PromptError, QuizError
from moe_core.jobs.inspect_model import ModelSummary
from moe_core.jobs.inspect_quiz import QuizSummary, SubjectSummary
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.models.loading.chat_templates import DEFAULT
from moe_core.models.loading.files.source import find_model
from moe_core.quizzes.benchmarks import BENCHMARKS
from moe_core.quizzes.benchmarks.text_file import TEXT_PREFIX
from moe_core.quizzes.chat_template import TemplateChoice, chosen_template, parse_arguments
from moe_core.quizzes.prompting import NO_TEMPLATE
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.selection import QuestionSelection, check_subjects
from moe_core.system.addresses import path_text

DEVICES = ("auto", "cuda:0", "mps", "cpu", "balanced")
DTYPES = ("auto", "float32", "bfloat16", "float16")
_DEVICE = re.compile(r"auto|balanced|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class RecordValues:
    """The form. `amount` is "all", "first" or "sample" (of `count` questions); `batch_tokens` 0 lets the device decide,
    `answers` "" the quiz. `max_tokens` cuts plain text, 0 only where the model's context ends.

    `out` is the trace to write; it is not remembered.
    """

    model: str = "demo"
    quiz: str = "demo"
    subjects: str = ""
    amount: str = "all"
    count: int = 100
    seed: int = 0
    shots: int = 0
    protocol: str = "plain"
    skip_too_long: bool = False
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 0
    offline: bool = False
    tokens: str = "all"
    out: str = ""
    answers: str = ""
    template: str = ""
    template_args: str = ""
    max_tokens: int = 0
    compile: bool = False

    @property
    def subject_names(self) -> tuple[str, ...]:
        """The subjects named, as `--subjects` reads them."""
        return tuple(filter(None, (name.strip() for name in self.subjects.split(","))))

    @property
    def quiz_text(self) -> str:
        """The quiz as `--quiz` reads it; `~` is the home folder, as a shell would have it."""
        typed = self.quiz.strip()
        kind = next((prefix for prefix in ("mmlu:", TEXT_PREFIX) if typed.startswith(prefix)), "")
        return kind + _at_home(typed.removeprefix(kind))

    @property
    def is_text(self) -> bool:
        """Whether the quiz is plain text, of which nothing is asked."""
        return self.quiz.strip().startswith(TEXT_PREFIX)

    @property
    def path(self) -> Path:
        return Path(_at_home(self.out.strip())).absolute()

    @property
    def selection(self) -> QuestionSelection:
        return QuestionSelection(
            subjects=self.subject_names,
            limit=self.count if self.amount == "first" else None,
            sample=self.count if self.amount == "sample" else None,
            seed=self.seed if self.amount == "sample" else 0,
        )

    @property
    def model_request(self) -> ModelRequest:
        place = path_text(self.model.strip()), self.device.strip(), self.dtype
        return ModelRequest(*place, offline=self.offline, compile=self.compile)

    @property
    def answers_from(self) -> AnswersFrom | None:
        """How the answers of the quiz are read; None as the quiz says itself."""
        return AnswersFrom(self.answers) if self.answers in set(AnswersFrom) else None

    @property
    def template_choice(self) -> TemplateChoice:
        """Which chat template with which keywords; none for plain prompts, no keywords while they cannot be read."""
        if self.protocol != "chat":
            return TemplateChoice()
        try:
            arguments = parse_arguments(self.template_args)
        except PromptError:
            arguments = ()
        return TemplateChoice(self.template.strip(), arguments)

    @property
    def request(self) -> RecordRequest:
        shape = self.shots, self.protocol, self.tokens
        max_tokens = self.max_tokens or None if self.is_text else None
        options = RunOptions(*shape, self.batch_tokens or None, self.skip_too_long, self.template_choice, max_tokens)
        return RecordRequest(
            self.model_request, self.quiz_text, self.path, self.selection, options, answers_from=self.answers_from
        )

    def to_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "out"}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "RecordValues":
        """The inverse of `to_json`; what is missing or of another type is the default."""
        kept = {
            field.name: data[field.name]
            for field in fields(RecordValues)
            if field.name != "out" and type(data.get(field.name)) is field.type
        }
        return RecordValues(**kept)


def problems(values: RecordValues, quiz: QuizSummary | None, model: ModelSummary | None = None) -> dict[str, str]:
    """What is certain to fail, one sentence by the field's name; `quiz` and `model` are None while not looked at."""
    found = {
        "model": _model_problem(path_text(values.model.strip())),
        "quiz": _quiz_problem(values.quiz_text),
        "device": _device_problem(values.device.strip()),
        "template": _template_problem(values, None if model is None else model.templates),
    }
    if quiz is not None:
        found["subjects"] = _subjects_problem(values, quiz)
        if not found["subjects"]:
            found["amount"] = _amount_problem(values, quiz)
            found["shots"] = _shots_problem(values, quiz)
    return {name: sentence for name, sentence in found.items() if sentence}


def n_chosen(values: RecordValues, quiz: QuizSummary) -> int:
    """How many questions would be asked."""
    there = sum(subject.n_questions for subject in _chosen_subjects(values, quiz))
    return there if values.amount == "all" else min(there, values.count)


def _chosen_subjects(values: RecordValues, quiz: QuizSummary) -> Iterator[SubjectSummary]:
    names = values.subject_names
    return (subject for subject in quiz.subjects if not names or subject.name in names)


def _at_home(text: str) -> str:
    """As a shell and a file manager would have it: `~` is the home folder, an address is a path."""
    text = path_text(text)
    return os.path.expanduser(text) if text.startswith("~/") else text


def _model_problem(model: str) -> str:
    if not model:
        return "Name a model: a hub id, a folder, or demo."
    try:
        find_model(model)
    except ModelError as error:
        return str(error)
    return ""


def _quiz_problem(quiz: str) -> str:
    if not quiz or quiz in ("mmlu:", TEXT_PREFIX):
        return "Name a quiz: mmlu, mmlu:FOLDER, a file, text:FILE, or demo."
    if quiz.startswith("mmlu:") and not os.path.isdir(quiz.removeprefix("mmlu:")):
        return f"There is no folder {quiz.removeprefix('mmlu:')}."
    if not any(benchmark.accepts(quiz) for benchmark in BENCHMARKS):
        return f"{quiz!r} is no quiz: name mmlu, mmlu:FOLDER, demo, a .csv, .jsonl or .parquet file, or text:FILE."
    file = quiz.removeprefix(TEXT_PREFIX)
    if quiz not in ("mmlu", "demo") and not quiz.startswith("mmlu:") and not os.path.exists(file):
        return f"There is no file {file}."
    return ""


def _device_problem(device: str) -> str:
    return "" if _DEVICE.fullmatch(device) else "Name a device: auto, balanced, cpu, mps, or cuda:0."


def _template_problem(values: RecordValues, templates: Mapping[str, str] | None) -> str:
    """What the core says of the choice; templates are None where they are not known."""
    if values.protocol != "chat":
        return ""
    try:
        parse_arguments(values.template_args)
        if templates:
            is_single = list(templates) == [DEFAULT]
            chosen_template(templates[DEFAULT] if is_single else templates, values.template_choice)
    except PromptError as error:
        return sentence_of(error)
    return "" if templates is None or templates else NO_TEMPLATE


def _subjects_problem(values: RecordValues, quiz: QuizSummary) -> str:
    try:
        check_subjects(values.subject_names, [subject.name for subject in quiz.subjects])
    except QuizError as error:
        return str(error)
    return ""


def _amount_problem(values: RecordValues, quiz: QuizSummary) -> str:
    there = n_chosen(values, quiz)
    if values.amount == "sample" and values.count > there:
        return f"There are only {there:,} questions to draw from."
    return ""


def _shots_problem(values: RecordValues, quiz: QuizSummary) -> str:
    fewest = min(_chosen_subjects(values, quiz), key=lambda subject: subject.n_shots, default=None)
    if fewest is None or values.shots <= fewest.n_shots:
        return ""
    return f"The subject {fewest.name} has {fewest.n_shots or 'no'} worked example{'s' * (fewest.n_shots != 1)}."
