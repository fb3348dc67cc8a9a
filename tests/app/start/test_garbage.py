"""Garbage: plots are destroyed where they are painted, whichever thread makes the most of it."""

import gc
import sys
import threading
import types
from collections.abc import Iterator

import pyqtgraph
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.start.garbage import GarbageCollector


@pytest.fixture
def collector() -> Iterator[GarbageCollector]:
    """The window's own, in a hurry."""
    made = GarbageCollector(interval_ms=10)
    yield made
    made.stop()


def test_a_plot_is_destroyed_in_the_thread_of_the_window(collector: GarbageCollector, qtbot: QtBot) -> None:
    """Although another thread makes more garbage than is ever left to lie."""
    threads: list[int] = []
    gc.collect()
    item = pyqtgraph.PlotCurveItem()
    item.itself = item
    item.destroyed.connect(lambda: threads.append(threading.get_ident()), Qt.ConnectionType.DirectConnection)
    del item
    other = threading.Thread(target=make_garbage)
    other.start()
    other.join()
    assert threads == []
    qtbot.waitUntil(lambda: threads == [threading.get_ident()])


def test_what_many_modules_are_made_of_is_not_looked_through(collector: GarbageCollector, qtbot: QtBot) -> None:
    """It goes to the oldest generation as it is: a search takes a tenth of a second once torch was imported."""
    gc.collect()
    searched: list[str] = []
    made = {f"made-{number}": [number] for number in range(100)}
    is_young = id(made)

    def is_found_young() -> bool:
        return any(id(each) == is_young for number in (0, 1) for each in gc.get_objects(generation=number))

    make_garbage()
    assert is_found_young()
    gc.callbacks.append(lambda phase, info: searched.append(phase))
    sys.modules.update((name, types.ModuleType(name)) for name in made)
    try:
        qtbot.waitUntil(lambda: not is_found_young())
        assert searched == []
    finally:
        gc.callbacks.pop()
        for name in made:
            del sys.modules[name]


def make_garbage() -> None:
    """Lists that hold themselves."""
    for _ in range(20_000):
        garbage: list[object] = []
        garbage.append(garbage)
