"""The command line shown is the one that makes the very same request: the real command parses it."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.content.record_command import command_line
from app.dialogs.record.values import RecordValues
from moe_core.commands import record as command_module
from moe_core.commands.console import cli
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.runs.fill_trace import RecordResult

FORMS = [
    RecordValues(out="/tmp/a.h5"),
    RecordValues(
        "org/name@main", "mmlu", "law, anatomy", "sample", 20, 7, 5, "chat", True, "cuda:0", "bfloat16", 512, True,
        "answer", "/tmp/with space/it's \"$HOME\" & `x`; é.h5",
    ),
    RecordValues("/models/a b", "/quizzes/own quiz.csv", amount="first", count=10, seed=3, out="~/x.h5"),
    RecordValues("-m", "mmlu:/data/*", out="-o.h5"),
    RecordValues(amount="sample", count=5, seed=0, out="/tmp/b.h5"),
    RecordValues(quiz="own.jsonl", answers="1", out="/tmp/b.h5"),
    RecordValues(protocol="chat", template="tool_use", template_args="think=false, day=a b,n=1.50", out="/c.h5"),
    RecordValues(compile=True, out="/tmp/b.h5"),
    RecordValues(protocol="plain", template="tool_use", template_args="enable_thinking=false", out="/c.h5"),
]  # fmt: skip


@pytest.mark.parametrize("values", FORMS)
def test_the_real_command_makes_an_equal_request(values: RecordValues, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in the form, blanks, quotes and signs included."""
    requests: list[RecordRequest] = []
    monkeypatch.setattr(command_module, "record", lambda request, engine: requests.append(request))
    monkeypatch.setattr(command_module, "run_job", lambda job, **_: RecordResult(Path(), 0, 0, 0, 0.0))
    program, *arguments = shlex.split(command_line(values.request))
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert (program, done.exit_code) == ("moescope", 0), done.output
    assert requests == [values.request]


def test_defaults_are_left_out() -> None:
    """Short where the form says nothing special."""
    assert command_line(RecordValues(out="/tmp/a.h5").request) == (
        "moescope record --model demo --quiz demo --out /tmp/a.h5"
    )
