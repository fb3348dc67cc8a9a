"""From F5 to the drawn difference in the real window, the first what-if and later ones, and how long it stands still.

Run with `python -m tests.bench.bench_first_what_if runs/demo.h5 --pause 10`, under a display of its own, with a window
manager that gives it the keyboard, or with QT_QPA_PLATFORM=offscreen. Seconds go by between M and the first F5, in
which the model is loaded; a gap is the longest time between two ticks of a timer of 10 ms, in milliseconds of the
processor, both threads together, and of the clock.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.start.plain_imports import import_qt

import_qt()

from PySide6.QtCore import QEventLoop, Qt, QTimer  # noqa: E402  # as the program: without the watch over imports
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from app import theme  # noqa: E402
from app.actions.menus import Menus  # noqa: E402
from app.settings import Settings  # noqa: E402
from app.start.application import configure  # noqa: E402
from app.start.garbage import GarbageCollector  # noqa: E402
from app.window.main_window import MainWindow  # noqa: E402
from moe_core.interventions.intervention import Intervention  # noqa: E402

TICK_MS = 10


class Clock:
    """Times a phase, and the gaps in it."""

    def __init__(self, window: MainWindow) -> None:
        self._timer = QTimer(window, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        self.begin()
        self._timer.start()

    def begin(self) -> None:
        """Forget what was."""
        self._start = self._last = time.perf_counter(), time.process_time()
        self._longest = 0.0, 0.0

    def report(self, what: str) -> None:
        """One line on the time since it began."""
        clock, processor = (now - then for now, then in zip(_now(), self._start, strict=True))
        gap_clock, gap = (1000 * value for value in self._longest)
        print(f"{what:<24}{processor:>8.2f} s{clock:>8.2f} s of the clock, gap {gap:>5.0f} ms,{gap_clock:>5.0f} of it")

    def _on_tick(self) -> None:
        now = _now()
        gaps = (at - last for at, last in zip(now, self._last, strict=True))
        self._longest = tuple(map(max, gaps, self._longest))
        self._last = now


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def wait(is_over: Callable[[], bool]) -> None:
    """Let the window live until then."""
    loop = QEventLoop()
    timer = QTimer(interval=5)
    timer.timeout.connect(lambda: loop.quit() if is_over() else None)
    timer.start()
    loop.exec()


def pause(seconds: float) -> None:
    """Let the window live for so long."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def run(window: MainWindow, clock: Clock, expert: tuple[int, int], pause_s: float) -> None:
    """Mask an expert, wait, and run."""
    window.session.set(replace(window.session.state, intervention=Intervention(), experts=frozenset({expert})))
    pause(0.5)
    clock.begin()
    QTest.keyClick(window, Qt.Key.Key_M)
    pause(pause_s)
    clock.report(f"M on {expert[0]}:{expert[1]}, then {pause_s:g} s")
    before = window.session.state.what_if
    clock.begin()
    QTest.keyClick(window, Qt.Key.Key_F5)
    wait(lambda: window.session.state.what_if is not before and not window.is_preparing)
    QApplication.processEvents()
    clock.report("F5")


def main() -> None:
    """Measure in a fresh window on a copy of the trace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--pause", type=float, default=10.0)
    options = parser.parse_args()
    application = QApplication(sys.argv[:1])
    configure(application)
    theme.apply(application, "light")
    collector = GarbageCollector(application)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "settings.ini")
        settings.library = Path(folder)
        window = MainWindow(settings)
        Menus(window)
        window.show()
        window.open_trace(Path(shutil.copy(options.trace, folder)))
        wait(lambda: not window.is_preparing)
        pause(2.0)
        clock = Clock(window)
        for expert, pause_s in (((1, 25), options.pause), ((1, 24), 0.5), ((7, 3), 0.5)):
            run(window, clock, expert, pause_s)
        window.close_without_asking()
    collector.stop()


if __name__ == "__main__":
    main()
