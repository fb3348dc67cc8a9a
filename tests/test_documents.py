"""The documents name what is there: every file and folder of this checkout that they speak of."""

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = ("app", "moe_core")
PATH = re.compile(r"`((?:app|docs|moe_core|packaging|resources|tests)/[\w./]*)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    """Paths from the top of the checkout, save those with a NAME to fill in; links from where the document lies."""
    text = document.read_text("utf-8")
    named = (ROOT / path for path in PATH.findall(text) if "NAME" not in path)
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
