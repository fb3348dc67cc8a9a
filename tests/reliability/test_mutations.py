"""A damaged trace is refused, or opened with exactly the damaged questions flagged; never a wrong value."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.mutations import Mutations


@pytest.fixture
def mutations(tmp_path: Path) -> Iterator[Mutations]:
    """A sound trace to be damaged."""
    made = Mutations(tmp_path)
    yield made
    made.close()


def test_single_bytes(mutations: Mutations) -> None:
    """Everywhere; damage in rows flags the questions they belong to and no others, all other damage is refused."""
    outcome = mutations.damage_single_bytes(1600)
    assert outcome.failures == []
    assert min(outcome.notes["opened"], outcome.notes["refused"]) > 300


def test_stretches(mutations: Mutations) -> None:
    """What failing disks and broken copies make of a file."""
    outcome = mutations.damage_stretches(400)
    assert outcome.failures == []
    assert min(outcome.notes["opened"], outcome.notes["refused"]) > 40
