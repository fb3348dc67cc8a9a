"""Rows that are kept once they were read: what is kept, and who gives way where there is no room for all."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moe_core.measures.metrics.gate_weight import GATE_WEIGHT
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.traces import kept_rows
from moe_core.traces.checking import row_checksums
from moe_core.traces.kept_rows import KeptRows, Room
from moe_core.traces.reader import open_trace
from tests.traces.synthetic_run import SyntheticRun, record

SHAPE, N_BYTES = (5, 2, 3), 5 * 2 * 3 * 4


class Source:
    """Rows of numbers, and how many were read."""

    shape = SHAPE

    def __init__(self, seed: int) -> None:
        self.numbers = np.random.default_rng(seed).random(SHAPE).astype(np.float32)
        self.n_read = 0

    def __getitem__(self, at: Any) -> np.ndarray:
        found = self.numbers[at]
        self.n_read += len(found)
        return found

    def kept_in(self, room: Room) -> KeptRows:
        """These, kept where there is room."""
        return KeptRows(self, np.float32, room)


def ask(rows: KeptRows, source: Source, times: int = 1) -> None:
    """For all of them, which are always the right ones."""
    for _ in range(times):
        np.testing.assert_array_equal(rows[np.arange(SHAPE[0])], source.numbers)


def test_what_was_used_longest_ago_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for two of three: whoever comes back reads again, and never more is kept than there is room for."""
    monkeypatch.setattr(kept_rows, "_IN_USE", 0)
    sources, room = [Source(seed) for seed in range(3)], Room(2 * N_BYTES)
    first, second, third = (source.kept_in(room) for source in sources)
    ask(first, sources[0], 2)
    ask(second, sources[1], 2)
    ask(first, sources[0])
    assert [source.n_read for source in sources] == [5, 5, 0]
    ask(third, sources[2], 2)
    assert room.n_used == room.n_bytes
    ask(first, sources[0])
    assert [source.n_read for source in sources] == [5, 5, 5], "the second was used longest ago"
    ask(second, sources[1], 2)
    assert [source.n_read for source in sources] == [5, 10, 5]
    assert room.n_used == room.n_bytes


def test_what_is_being_gone_over_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sides in turn, and room for one: one is kept, the other read each time, until that one is left alone."""
    monkeypatch.setattr(kept_rows, "_IN_USE", 4)
    sources, room = [Source(seed) for seed in range(2)], Room(N_BYTES + 1)
    first, second = (source.kept_in(room) for source in sources)
    for _ in range(3):
        ask(first, sources[0])
        ask(second, sources[1])
    assert [source.n_read for source in sources] == [5, 15]
    ask(second, sources[1], 7)
    assert sources[1].n_read == 15 + 4 * 5, "kept from the fifth time on"


def test_rows_that_nobody_has_any_longer_leave_room() -> None:
    """As those of a trace that was closed."""
    source, room = Source(0), Room(N_BYTES)
    kept = source.kept_in(room)
    ask(kept, source)
    del kept
    assert room.n_used == 0


def test_what_is_forgotten_while_it_is_read_is_not_kept() -> None:
    """By another thread, at any instant: who reads gets the right numbers, and no memory stays that nobody counts."""
    given = []

    class Hurried(Room):
        def memory(self, rows: KeptRows) -> Any:
            found = super().memory(rows)
            assert found is not None
            given.append(weakref.ref(found.values))
            self.forget(rows)
            return found

    source, room = Source(0), Hurried(N_BYTES)
    ask(source.kept_in(room), source, 3)
    assert source.n_read == 3 * 5
    assert room.n_used == 0
    assert [values() for values in given] == [None] * 3


def test_traces_share_one_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are open, and numbers are those of a trace alone."""
    run = SyntheticRun(n_questions=40, n_prefixes=3, n_layers=3, n_experts=10, top_k=3)
    one_cube = 40 * 3 * 10
    monkeypatch.setattr(row_checksums, "KEPT_BYTES", one_cube)
    monkeypatch.setattr(row_checksums, "ROOM", Room(4 * one_cube))
    monkeypatch.setattr(kept_rows, "_IN_USE", 2)
    path = record(tmp_path / "run.h5", run)
    expected = GATE_WEIGHT.compute(sample(open_trace(path), Scope.PROMPT)).values
    for _ in range(2):
        for trace in [open_trace(path) for _ in range(4)]:
            found = GATE_WEIGHT.compute(sample(trace, Scope.PROMPT)).values
            np.testing.assert_array_equal(found, expected)
            assert 0 < row_checksums.ROOM.n_used <= row_checksums.ROOM.n_bytes


def test_counts_are_kept_in_a_byte_where_they_fit() -> None:
    """Rows up to 255 are read once, whatever is asked for afterwards; those with more whenever they are asked for."""
    stored = np.random.default_rng(0).integers(0, 256, (60, 2, 3)).astype(np.uint16)
    stored[7, 1, 2], stored[[3, 20], 0, 0], large = 255, (256, 2**16 - 1), {3, 20}
    asked: list[int] = []

    class Watched:
        shape = stored.shape

        def __getitem__(self, at: Any) -> np.ndarray:
            asked.extend((at[0] if isinstance(at, tuple) else at).tolist())
            return stored[at]

    counts = KeptRows(Watched(), np.uint8, Room(2**20))
    np.testing.assert_array_equal(counts[:], stored)
    asked.clear()
    for rows in (np.arange(60), np.array([3]), np.array([0, 7, 20, 59]), np.array([7, 8])):
        found = counts[rows]
        np.testing.assert_array_equal(found, stored[rows])
        np.testing.assert_array_equal(counts[rows, 1:], stored[rows, 1:])
        assert found.dtype == (np.uint16 if large & set(rows.tolist()) else np.uint8)
    assert set(asked) == large
