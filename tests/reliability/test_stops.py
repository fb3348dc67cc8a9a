"""Ctrl+C, SIGTERM and closing the window end it within seconds, with the right code and a trace that can be resumed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.fork_server import ForkServer
from tests.reliability.stops import server_of_commands, stop_commands, stop_windows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and POSIX signals"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """Starts commands and windows in processes that have imported all already."""
    with server_of_commands() as opened:
        yield opened


def test_commands_are_stopped(server: ForkServer, memory_path: Path, tiny_olmoe: Path) -> None:
    """While they read, load, record and repeat."""
    outcome = stop_commands(server, memory_path, tiny_olmoe, tries=22)
    assert outcome.failures == []
    assert 0 < outcome.notes["stopped while recording"] < 22
    assert outcome.notes["done before they were stopped"] < 9  # a few; 12 where signals are not heeded


def test_windows_are_closed(server: ForkServer, memory_path: Path) -> None:
    """By signals and by hand, while the demo is loaded and recorded, and while a what-if is."""
    outcome = stop_windows(server, memory_path, tries=8)
    assert outcome.failures == []
    assert outcome.notes["done before they were stopped"] == 0  # a window stays open when its job is done
