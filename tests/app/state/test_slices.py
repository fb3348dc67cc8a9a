"""Long work in the window's own thread: at once where it is short, else bit by bit, and only while it is wanted."""

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from app.state import slices
from app.state.slices import Slices
from moe_core.errors import TraceError


@pytest.fixture
def bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step at a time."""
    monkeypatch.setattr(slices, "AT_ONCE_S", 0.0)
    monkeypatch.setattr(slices, "_SLICE_S", 0.0)


def counting(done: list[int], n: int = 5) -> Iterator[float]:
    """As many steps; -1 where nobody wants the rest."""
    try:
        for step in range(n):
            done.append(step)
            yield (step + 1) / n
    except GeneratorExit:
        done.append(-1)
        raise


def test_short_work_is_done_at_once() -> None:
    """Who starts it need not wait for anything."""
    done: list[int] = []
    work = Slices()
    work.start(counting(done), lambda: done.append(99))
    assert done == [0, 1, 2, 3, 4, 99]
    assert not work.is_working


def test_long_work_goes_on_bit_by_bit(bit_by_bit: None, qtbot: QtBot) -> None:
    """And tells how far it is."""
    done: list[int] = []
    shares: list[float] = []
    work = Slices()
    work.advanced.connect(shares.append)
    work.start(counting(done), lambda: done.append(99))
    assert done == [0]
    assert work.is_working
    qtbot.waitUntil(lambda: not work.is_working)
    assert done == [0, 1, 2, 3, 4, 99]
    assert shares == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_new_work_supersedes_what_is_not_finished(bit_by_bit: None, qtbot: QtBot) -> None:
    """Nobody hears of the old one again, and it is told."""
    old: list[int] = []
    new: list[int] = []
    work = Slices()
    work.start(counting(old), lambda: old.append(99))
    work.start(counting(new), lambda: new.append(99))
    assert old == [0, -1]
    qtbot.waitUntil(lambda: not work.is_working)
    assert (old, new[-1]) == ([0, -1], 99)


def test_what_goes_wrong_later_is_handed_on(bit_by_bit: None, qtbot: QtBot) -> None:
    """What goes wrong at once is raised."""

    def failing(after: int) -> Iterator[float]:
        yield from (0.1,) * after
        raise TraceError("It was cut short.")

    work, failures = Slices(), list[Exception]()
    with pytest.raises(TraceError):
        work.start(failing(0), failures.clear, failures.append)
    assert not work.is_working
    work.start(failing(2), failures.clear, failures.append)
    qtbot.waitUntil(lambda: bool(failures))
    assert str(failures[0]) == "It was cut short."
    assert not work.is_working
