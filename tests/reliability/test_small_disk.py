"""A disk too small is noticed before the model runs, on a real file system."""

from pathlib import Path

import pytest

from tests.reliability.small_disk import CannotMountError, fill_levels, small_disk


def test_every_level_of_a_small_disk(tmp_path: Path) -> None:
    """Where the system can set room aside, a run that began has all it needs; where not, it stops and resumes."""
    (tmp_path / "truth").mkdir()
    try:
        with small_disk(tmp_path) as disk:
            outcome = fill_levels(disk, tmp_path / "truth", levels=12)
    except CannotMountError as error:
        pytest.skip(f"no small file system can be mounted here: {error}")
    assert outcome.failures == []
    assert 0 < outcome.notes["fitted"] < outcome.tries
