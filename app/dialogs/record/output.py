"""Where a recording goes: a name that tells model, quiz and day, and what is there already."""

import os
import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path

from app.content.remedies import sentence_of
from app.dialogs.record.values import RecordValues
from moe_core.errors import ModelError, TraceError
from moe_core.jobs.runs.run_plan import cut_text
from moe_core.models.loading.chat_templates import DEFAULT
from moe_core.models.loading.files.source import find_model
from moe_core.quizzes.benchmarks.text_file import TEXT_PREFIX
from moe_core.quizzes.chat_template import arguments_text
from moe_core.quizzes.selection import describe
from moe_core.system.network_folder import network_warning
from moe_core.system.target_folder import existing_folder
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import Specification


@dataclass(frozen=True)
class Output:
    """What a recording into a path would meet: `problem` is why it cannot, `note` what it does otherwise."""

    note: str = ""
    problem: str = ""


def suggest(values: RecordValues, library: Path, today: date) -> Path:
    """A path in the library that is free, or holds a partial trace that this very form resumes."""
    name = f"{model_name(values.model)}_{_quiz_name(values.quiz)}_{today.isoformat()}"
    for number in count(1):
        path = library / (f"{name}.h5" if number == 1 else f"{name}-{number}.h5")
        if not os.path.exists(path) or _resumes(path, values):
            return path
    raise AssertionError("numbers do not end")


def examine(values: RecordValues) -> Output:
    """What a recording into `values.out` would meet."""
    path = values.path
    try:
        if not values.out.strip() or path.is_dir():
            return Output(problem="Name a file for the trace, such as run.h5.")
        if not path.exists():
            return _in_folder(path)
        with open_trace(path) as trace:
            if trace.complete:
                return Output(problem=f"{path.name} is a complete trace: give another name to record again.")
            differing = _differing(values, trace.specification)
            if differing:
                return Output(problem=f"{path.name} was begun otherwise ({differing}): give another name.")
            done, planned = int(trace.recorded.sum()), trace.dimensions.n_questions
            return Output(f"Will be resumed: {done:,} of {planned:,} questions are recorded in {path.name}.")
    except TraceError:
        return Output(problem=f"{path.name} is there already and no trace: give another name.")
    except (OSError, ValueError) as error:
        return Output(problem=f"This path cannot be used: {error}.")


def model_name(model: str) -> str:
    """A short name of a model for a file."""
    try:
        name = find_model(model.strip()).name
    except ModelError:
        name = model
    return _for_a_file(name.rpartition("/")[2])


def _in_folder(path: Path) -> Output:
    try:
        existing = existing_folder(path.parent)
        network_warning(existing, allowed=False)
    except TraceError as error:
        return Output(problem=sentence_of(error))
    made = "" if path.parent.is_dir() else f" The folder {path.parent} will be made."
    return Output(f"A new trace.{made}")


def _resumes(path: Path, values: RecordValues) -> bool:
    try:
        with open_trace(path) as trace:
            own = trace.specification
            is_same = (own.model.name, own.quiz.name) == (_loaded_name(values.model), _loaded_quiz(values.quiz_text))
            return is_same and not trace.complete and not _differing(values, own)
    except (TraceError, OSError):
        return False


def _differing(values: RecordValues, begun: Specification) -> str:
    """What is certain to forbid resuming, in words; device and dtype only where they are asked for by name."""
    chosen = values.template_choice
    asked = (
        ("questions", describe(values.selection) + cut_text(values.request.options.max_tokens), begun.quiz.selection),
        ("examples", str(values.shots), str(begun.shots)),
        ("protocol", values.protocol, begun.protocol),
        ("template", chosen.name or DEFAULT, begun.template or DEFAULT),
        ("template keywords", arguments_text(chosen.arguments), arguments_text(tuple(begun.template_args.items()))),
        ("tokens", values.tokens, begun.tokens),
        ("compiled", replace(begun.model, compiled=values.compile).compiled_parts, begun.model.compiled_parts),
        ("type", values.dtype, values.dtype if values.dtype == "auto" else begun.model.dtype),
    )
    return ", ".join(f"{name} {theirs}, not {ours}" for name, ours, theirs in asked if ours != theirs)


def _loaded_name(model: str) -> str:
    try:
        return find_model(model.strip()).name
    except ModelError:
        return ""


def _loaded_quiz(quiz: str) -> str:
    return "mmlu" if quiz.startswith("mmlu") else Path(quiz.strip().removeprefix(TEXT_PREFIX)).name


def _quiz_name(quiz: str) -> str:
    return _for_a_file("mmlu" if quiz.startswith("mmlu:") else Path(quiz.strip().removeprefix(TEXT_PREFIX)).stem)


def _for_a_file(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "trace"
