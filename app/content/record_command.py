"""The command line that does the same as a request made in the window."""

import shlex
from pathlib import Path

from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.quizzes.chat_template import arguments_text
from moe_core.quizzes.selection import QuestionSelection


def command_line(request: RecordRequest, workers: str = "") -> str:
    """`moescope record ..`, quoted for a shell; options that have their default are left out."""
    model, chosen, options = request.model, request.selection, request.options
    words = ["moescope", "record", "--model", model.model, "--quiz", request.quiz, "--out", str(request.out)]
    empty = RecordRequest(ModelRequest(""), "", Path())
    for option, value, default in (
        ("--answers-from", request.answers_from, None),
        ("--subjects", ",".join(chosen.subjects), ""),
        ("--limit", chosen.limit, None),
        ("--sample", chosen.sample, None),
        ("--seed", chosen.seed, QuestionSelection().seed),
        ("--ids", chosen.ids_file, None),
        ("--shots", options.shots, RunOptions().shots),
        ("--protocol", options.protocol, RunOptions().protocol),
        ("--template", options.template.name, ""),
        ("--template-args", arguments_text(options.template.arguments), ""),
        ("--tokens", options.tokens, RunOptions().tokens),
        ("--max-tokens", options.max_tokens, RunOptions().max_tokens),
        ("--device", model.device, empty.model.device),
        ("--dtype", model.dtype, empty.model.dtype),
        ("--batch-tokens", options.batch_tokens, None),
        ("--ray", workers, ""),
    ):
        if value != default:
            words += [option, str(value)]
    words += ["--skip-too-long"] * options.skip_too_long + ["--offline"] * model.offline
    words += ["--compile"] * model.compile
    return shlex.join(words)
