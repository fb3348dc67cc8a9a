"""file: addresses are paths, wherever they stand in a command line."""

import sys
from pathlib import Path

import pytest

from moe_core.system.addresses import path_text, without_addresses
from tests.command_line import moescope

TRACE = Path(__file__).parents[1] / "data" / "demo-format-1.h5"


@pytest.mark.skipif(sys.platform == "win32", reason="paths look otherwise there")
@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///home/me/run.h5", "/home/me/run.h5"),
        ("file://localhost/home/me/run.h5", "/home/me/run.h5"),
        ("file:/home/me/run.h5", "/home/me/run.h5"),
        ("FILE:///a%20b/%C3%A9.h5", "/a b/é.h5"),
        ("file:///a/50%25%23.h5", "/a/50%#.h5"),
        ("file:///a?b#c.h5", "/a?b#c.h5"),
        ("/home/me/run.h5", "/home/me/run.h5"),
        ("filed.h5", "filed.h5"),
        ("org/name", "org/name"),
    ],
)
def test_an_address_is_a_path(address: str, path: str) -> None:
    """With its signs decoded; whatever is no address stays as it is."""
    assert path_text(address) == path


def test_they_may_stand_behind_an_option_or_a_prefix() -> None:
    """--quiz=mmlu:file:///data is --quiz=mmlu:/data."""
    words = ["record", "--quiz=mmlu:file:///data", "--model", "file:///m", "mmlu:file:///d", "--out=file:///o.h5", "-v"]
    assert without_addresses(words) == ["record", "--quiz=mmlu:/data", "--model", "/m", "mmlu:/d", "--out=/o.h5", "-v"]


def test_a_command_understands_one() -> None:
    """As the window's own file manager would hand it on."""
    assert "sound and complete" in moescope("verify", TRACE.as_uri())
