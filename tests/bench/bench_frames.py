"""Frame intervals of the window: idle, while the engine loads, and while the demo is recorded; all in one run.

Run with `python -m tests.bench.bench_frames`, under a display of its own or with QT_QPA_PLATFORM=offscreen.
Goals while recording: median 16 ms, 99th percentile below 33 ms, none over 100 ms.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app import theme
from app.actions.menus import Menus
from app.settings import Settings
from app.start.application import configure
from app.window.main_window import MainWindow
from moe_core.jobs.events import Progress

FRAME_MS = 16
IDLE_MS = 3000


class FrameClock:
    """Asks for a frame every 16 ms and notes when each one was painted, by phase."""

    def __init__(self, window: MainWindow) -> None:
        self.phase = "idle"
        self._intervals_ms: dict[str, list[float]] = {}
        self._last = time.perf_counter()
        self._window = window
        self._timer = QTimer(window, interval=FRAME_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timeout)
        self._timer.start()

    def stop(self) -> None:
        """Ask for no more frames."""
        self._timer.stop()

    def report(self) -> str:
        """One line a phase."""
        lines = [f"{'phase':<12}{'frames':>8}{'median':>9}{'p99':>9}{'max':>9}  ms"]
        for phase, values in self._intervals_ms.items():
            median, high = np.percentile(values, [50, 99])
            lines.append(f"{phase:<12}{len(values):>8}{median:>9.1f}{high:>9.1f}{max(values):>9.1f}")
        return "\n".join(lines)

    def _on_timeout(self) -> None:
        self._window.status_line.repaint()  # paints now: a frame that could not be painted is late by that much
        now = time.perf_counter()
        self._intervals_ms.setdefault(self.phase, []).append(1000 * (now - self._last))
        self._last = now


def run(window: MainWindow) -> FrameClock:
    """Measure idle, then record the demo to its end."""
    loop, clock = QEventLoop(), FrameClock(window)
    QTimer.singleShot(IDLE_MS, loop.quit)
    loop.exec()

    def follow(event: object) -> None:
        clock.phase = "recording" if isinstance(event, Progress) else "loading"

    window.runner.progressed.connect(follow)
    window.recording.finished.connect(loop.quit)
    clock.phase = "loading"
    window.session.request("demo")
    loop.exec()
    clock.stop()
    return clock


def main() -> None:
    """Measure in a fresh window with a library of its own."""
    application = QApplication(sys.argv[:1])
    configure(application)
    theme.apply(application, "light")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "settings.ini")
        settings.library = Path(folder) / "library"
        window = MainWindow(settings)
        Menus(window)
        window.show()
        print(run(window).report())
        window.close_without_asking()


if __name__ == "__main__":
    main()
