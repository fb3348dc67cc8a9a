"""What the command line advises: every remedy has words, and what they name can be typed."""

import io
import re
from collections.abc import Generator
from pathlib import Path

import typer

from moe_core.commands import COMMANDS
from moe_core.commands.console.cli import app
from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.remedies import WORDS, in_words, with_remedies
from moe_core.errors import FetchModel, InstallExtra, MissingExtraError, Remedy
from moe_core.jobs.events import Event, Notice
from tests.command_line import refused
from tests.traces.synthetic_run import SyntheticRun, record


def test_every_remedy_has_words() -> None:
    """One sentence each."""
    assert WORDS.keys() == set(Remedy)
    for remedy in (*Remedy, InstallExtra("model"), FetchModel("org/name")):
        assert re.fullmatch(r"[A-Z].*\.", in_words(remedy))


OTHERS = (Remedy.COPY_WITHOUT_HOLES, Remedy.START_CLUSTER)
"""What is done with other programs, which have options of their own."""


def test_what_is_advised_can_be_typed() -> None:
    """Options and commands that the words name are there."""
    group = typer.main.get_group(app)
    commands = [group.resolve_command(typer.Context(group), [command.name])[1] for command in COMMANDS]
    options = {name for command in commands for option in command.params for name in option.opts}
    said = " ".join(words for remedy, words in WORDS.items() if remedy not in OTHERS)
    said += in_words(FetchModel("org/name"))
    assert set(re.findall(r"--[a-z0-9-]+", said)) <= options
    assert set(re.findall(r"moescope ([a-z-]+)", said)) <= {command.name for command in COMMANDS}


def test_value_and_remedies_stand_in_one_line() -> None:
    """First what went wrong, then what helps."""
    assert with_remedies("There is no room.", ()) == "There is no room."
    error = MissingExtraError("model", "Loading a model")
    said = 'Loading a model needs the extra [model]. Install it with pip install "moescope[model]".'
    assert with_remedies(str(error), error.remedies) == said


def test_a_command_prints_both(tmp_path: Path) -> None:
    """The whole line that stands on stderr."""
    brief = record(tmp_path / "brief.h5", SyntheticRun(keeps_tokens=False))
    said = refused("show", brief, "q0", "--all-tokens")
    assert said == f"moescope: {brief.name} keeps the answer position only. Record again with --tokens all."


def test_a_notice_has_its_remedy() -> None:
    """In the same line."""

    def job() -> Generator[Event, None, None]:
        yield Notice("A subset can flip close calls", remedy=Remedy.RERUN_BASELINE)

    stream = io.StringIO()
    run_job(job(), stream)
    assert stream.getvalue() == f"A subset can flip close calls. {WORDS[Remedy.RERUN_BASELINE]}\n"
