"""Errors say what went wrong; what helps is a value, never part of the sentence."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import moe_core
from moe_core.commands import COMMANDS
from moe_core.errors import InstallExtra, MissingExtraError, MoeCoreError, Remedy, TraceError, UnreadableTraceError

ROOT = Path(moe_core.__file__).parents[1]
# What a terminal shows, and what tells which command line does the same: a dialog, and a bundle.
OF_COMMANDS = ("moe_core/commands/", "app/__main__.py", "app/start/", "app/content/record_command.py")
OF_COMMANDS += ("app/files/bundle.py",)
SOURCES = [
    str(path.relative_to(ROOT).as_posix()) for folder in ("moe_core", "app") for path in (ROOT / folder).rglob("*.py")
]
# A colon behind it: a CSS variable of a page's style.
OPTION = r"(?<![\w-])--[a-z][a-z0-9-]*(?![a-z0-9:-])"
COMMAND = rf"moescope ({'|'.join(command.name for command in COMMANDS)})\b"


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string of a module that is no documentation."""
    tree = ast.parse(path.read_text("utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", [path for path in sorted(SOURCES) if not path.startswith(OF_COMMANDS)])
def test_no_sentence_names_an_option_or_a_command(path: str) -> None:
    """The window shows the core's sentences, and has neither."""
    named = [(line, text) for line, text in sentences(ROOT / path) if re.search(f"{OPTION}|{COMMAND}", text)]
    assert named == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("give it with --out.", True),
        ("--shots ", True),
        ("moescope resume goes on", True),
        ("no moescope trace", False),
        ("--share:0.1", False),
        ("models--org--name", False),
    ],
)
def test_what_is_found(text: str, is_found: bool) -> None:
    """Options and commands; no style of a page, and no folder of the hub's cache."""
    assert bool(re.search(f"{OPTION}|{COMMAND}", text)) is is_found


def test_an_error_is_its_sentence_and_carries_remedies() -> None:
    """As many as there are, in the order in which they are offered."""
    error = TraceError("There is no room.", Remedy.KEEP_ANSWER_TOKENS, InstallExtra("model"))
    assert str(error) == "There is no room."
    assert error.remedies == (Remedy.KEEP_ANSWER_TOKENS, InstallExtra("model"))
    assert MoeCoreError("There is no room.").remedies == ()


@pytest.mark.parametrize(
    "error", [MissingExtraError("model", "Loading a model"), UnreadableTraceError(Path("T.h5"), "it was cut short.")]
)
def test_another_process_gets_the_same_error(error: MoeCoreError) -> None:
    """Also where an error is made of more than its sentence."""
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_an_unreadable_file_tells_its_reason_alone() -> None:
    """For a list that names the file already."""
    error = UnreadableTraceError(Path("T.h5"), "it was cut short.", verdict="is damaged or no trace:")
    assert (str(error), error.reason) == ("T.h5 is damaged or no trace: it was cut short.", "it was cut short.")
