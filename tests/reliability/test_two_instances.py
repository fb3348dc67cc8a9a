"""Two programs never write one trace; the second is told who does, and a dead one leaves no lock."""

import os
from pathlib import Path

import pytest

from tests.reliability.instances import contention, dead_holders

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_four_processes_want_one_trace(tmp_path: Path) -> None:
    """A thousand attempts; never two at once, every refusal names the holder or says there is one."""
    outcome = contention(tmp_path, processes=4, attempts=250)
    assert outcome.failures == []
    assert outcome.notes["got"] + outcome.notes["refused"] == 1000
    assert outcome.notes["got"] > 10
    assert outcome.notes["named"] > 10


def test_twenty_holders_are_killed(tmp_path: Path) -> None:
    """The next one needs no repair and no waiting."""
    outcome = dead_holders(tmp_path, tries=20)
    assert outcome.failures == []
    assert outcome.notes["killed while holding"] > 0
