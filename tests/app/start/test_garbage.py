"""Garbage: plots are destroyed where they are painted, whichever thread makes the most of it."""

import gc
import threading
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


def make_garbage() -> None:
    """Lists that hold themselves."""
    for _ in range(20_000):
        garbage: list[object] = []
        garbage.append(garbage)
