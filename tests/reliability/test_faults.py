"""Full disks, failing disks, short writes and interrupted calls: one sentence, and nothing acknowledged is lost."""

import signal
from pathlib import Path

import pytest

from tests.reliability.faults import every_fault
from tests.reliability.recorder import SMALL, fill
from tests.traces.synthetic_run import create, record


def test_every_call_is_refused_in_every_way(memory_path: Path) -> None:
    """No space, an I/O error, no quota, an interrupted call, half a write: at each call of making and filling."""
    outcome = every_fault(memory_path)
    assert outcome.failures == []
    assert outcome.notes["sentences"] > 100


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_signals_while_recording_change_nothing(tmp_path: Path) -> None:
    """A real interrupted call: a timer fires thousands of times a second."""
    fired = 0

    def count(number: int, frame: object) -> None:
        nonlocal fired
        fired += 1

    before = signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    try:
        fill(create(tmp_path / "run.h5", SMALL), SMALL)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert fired > 10
    assert (tmp_path / "run.h5").read_bytes() == record(tmp_path / "whole.h5", SMALL).read_bytes()
