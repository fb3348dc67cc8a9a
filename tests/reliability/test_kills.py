"""kill -9 at any instant loses at most the batch in flight, and what is resumed equals an uninterrupted run."""

import signal
from pathlib import Path

import pytest

from tests.reliability.kills import kill_recorders
from tests.reliability.real_jobs import kill_exports, kill_jobs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs fork and SIGKILL"),
]


def test_recorders_are_killed_a_hundred_times(memory_path: Path) -> None:
    """In chains of up to five, some of them before the file has its name."""
    outcome = kill_recorders(memory_path, tries=100)
    assert outcome.failures == []
    assert outcome.notes["kills before the file was there"] >= 5


def test_recordings_and_what_ifs_of_a_model_are_killed(memory_path: Path, tiny_olmoe: Path) -> None:
    """Whole jobs; what is resumed equals a run that was left alone, array for array."""
    outcome = kill_jobs(memory_path, tiny_olmoe, tries=12)
    assert outcome.failures == []
    assert outcome.notes["killed between first and last question"] > 0


def test_exports_are_killed(memory_path: Path, tiny_olmoe: Path) -> None:
    """A smaller checkpoint is whole or not there, and nothing unfinished stays for long."""
    outcome = kill_exports(memory_path, tiny_olmoe, tries=20)
    assert outcome.failures == []
    assert outcome.notes["left something"] > 0
