"""A power cut at any instant loses nothing that was acknowledged and leaves a file that can be resumed."""

from pathlib import Path

from tests.reliability.power_loss import PowerLoss, recorded_operations
from tests.reliability.recorder import SMALL
from tests.traces.synthetic_run import create


def test_every_prefix_of_the_writes(memory_path: Path) -> None:
    """As a kill between any two of them leaves the file; each is then resumed."""
    loss = PowerLoss(memory_path, SMALL)
    outcome = loss.all_prefixes()
    assert outcome.failures == []
    assert outcome.tries == len(loss.operations) > 60


def test_random_sectors_after_the_last_barrier(memory_path: Path) -> None:
    """Whatever the disk made of what was not made durable yet."""
    assert PowerLoss(memory_path, SMALL).random_images(200).failures == []


def test_a_new_trace_is_durable_before_it_has_its_name(tmp_path: Path) -> None:
    """All writes, a barrier, the name, and the folder's own barrier before anybody is told."""
    with recorded_operations() as operations:
        create(tmp_path / "run.h5", SMALL)
    kinds = [operation.kind for operation in operations]
    assert kinds[-3:] == ["sync", "link", "sync_directory"]
    assert set(kinds[:-3]) == {"write"}
