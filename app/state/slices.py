"""Long work in the window's own thread, a few milliseconds at a time: the window goes on meanwhile.

No other thread touches what views read, and to do something else instead is to ask for no further step.
"""

import time
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer, Signal

AT_ONCE_S = 0.06
"""Work that takes no more of the processor than this is not worth a word: it is done before `start` returns."""
_SLICE_S = 0.008


class Slices(QObject):
    """One piece of work at a time; a new one supersedes it. `advanced` carries the share done, 0..1."""

    advanced = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Iterator[float] | None = None
        self._then: Callable[[], None] | None = None
        self._failed: Callable[[Exception], None] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def is_working(self) -> bool:
        return self._steps is not None

    def start(
        self, steps: Iterator[float], then: Callable[[], None], failed: Callable[[Exception], None] | None = None
    ) -> None:
        """Go through `steps`, and call `then` after the last one.

        What goes wrong at once is raised; later it is handed to `failed`.
        """
        self.stop()
        self._steps, self._then, self._failed = steps, then, failed
        self._work(AT_ONCE_S)
        if self.is_working:
            self._timer.start()

    def stop(self) -> None:
        """Ask for no further step."""
        steps, self._steps = self._steps, None
        self._timer.stop()
        if steps is not None and hasattr(steps, "close"):
            steps.close()

    def _go_on(self) -> None:
        failed = self._failed
        try:
            self._work(_SLICE_S)
        except Exception as error:
            if failed is None:
                raise
            failed(error)

    def _work(self, budget_s: float) -> None:
        # The thread's own time: on a busy machine the clock would send small work on the long way.
        end, share = time.thread_time() + budget_s, 0.0
        steps = self._steps
        assert steps is not None
        try:
            for share in steps:
                if time.thread_time() >= end:
                    self.advanced.emit(share)
                    return
        except Exception:
            self.stop()
            raise
        self.stop()
        if self._then is not None:
            self._then()
