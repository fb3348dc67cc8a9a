"""The documents name what is there: files and folders of this checkout, commands with their options, keys, modules."""

import re
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest
import typer

from app.actions import MENUS
from moe_core.commands import COMMANDS
from moe_core.commands.console import cli

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = ("app", "moe_core")
PATH = re.compile(r"`((?:app|docs|moe_core|packaging|resources|tests)/[\w./]*)`")
MODULES = re.compile(r"`([\w/]+/\w+\.py)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
CODE = re.compile(r"`([^`\n]+)`|^ {4,}(.+)$", re.MULTILINE)
CALL = re.compile(rf"(?:^|/|\s)(?:moescope )?({'|'.join(command.name for command in COMMANDS)}) (.*)")
MODULE = re.compile(r"-m ((?:tests|moe_core|app)[\w.]*)")
KEYS = re.compile(r"\b(?:(?:Ctrl|Shift|Alt)\+)+[A-Z0-9]\w*|\bF\d{1,2}\b")
KEYS_OF_PARTS = {"Ctrl+C", "Ctrl+L", "Ctrl+Space"}
"""Those that work where the focus is, in a table, the console or a grid, and are no action's."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    """Paths from the top of the checkout, save those with a NAME to fill in; links from where the document lies."""
    text = document.read_text("utf-8")
    named = (ROOT / path for path in PATH.findall(text) if "NAME" not in path)
    known = [
        path.as_posix()
        for top in (*PACKAGES, "docs", "packaging", "resources", "tests")
        for path in (ROOT / top).rglob("*.py")
    ]
    modules = [name for name in MODULES.findall(text) if "NAME" not in name]
    assert [name for name in modules if not any(path.endswith(f"/{name}") for path in known)] == []
    linked = (document.parent / path for path in LINK.findall(text))
    assert [str(path) for path in chain(named, linked) if not path.exists()] == []


def test_the_architecture_shows_every_folder() -> None:
    """In its tree, all but the views; those that are a floor of the house in its picture too."""
    tree = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("```")[2].partition("```")[0]
    picture = (ROOT / "docs" / "images" / "layers.svg").read_text("utf-8")
    folders = [init.parent for package in PACKAGES for init in (ROOT / package).rglob("__init__.py")]
    named = set(re.findall(r"(\w+)/", tree))
    assert [folder for folder in folders if folder.name not in named and folder.parent.name != "views"] == []
    floors = [folder.name for folder in folders if folder.parent.name in PACKAGES]
    assert [name for name in floors if f">{name}<" not in picture] == []


def options_of(name: str) -> set[str]:
    """All options of a command, the general ones too."""
    group = typer.main.get_command(cli.app)
    assert isinstance(group, cli.LazyGroup)
    _, command, _ = group.resolve_command(typer.Context(group), [name])
    assert command is not None
    return {"--help"} | {option for each in command.params for option in (*each.opts, *each.secondary_opts)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_and_module_in_a_document_exists(document: Path) -> None:
    """Of each command in a line of code, and of each `python -m ..`; what stands behind a `#` is no part of it."""
    lines = [(inline or block).partition(" # ")[0] for inline, block in CODE.findall(document.read_text("utf-8"))]
    for line in lines:
        if call := CALL.search(line):
            assert set(re.findall(r"(?<!\S)--[a-z][\w-]*", call[2])) <= options_of(call[1]), line
        if called := re.match(r"(?:\S*/)?moescope ([a-z][a-z-]*)(?= |$)", line):
            assert called[1] in {"demo", *(command.name for command in COMMANDS)}, line
        assert all(find_spec(module) for module in MODULE.findall(line)), line


def test_every_key_in_a_document_is_an_actions() -> None:
    """Save those of single parts of the window."""
    known = {keys for menu in MENUS for action in menu.actions for keys in action.keys} | KEYS_OF_PARTS
    named = {keys for document in DOCUMENTS for keys in KEYS.findall(document.read_text("utf-8"))}
    assert named <= known, named - known
