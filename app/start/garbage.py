"""Garbage is collected in the window's own thread: any other would destroy what is about to be painted."""

import gc
import sys

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MS = 1000
_MANY_MODULES = 50


class GarbageCollector(QObject):
    """Takes the place of Python's own as long as it runs, which collects in whichever thread makes the most garbage.

    pyqtgraph has one as well, whose import would take longer than all else until the first page is painted.
    """

    def __init__(self, parent: QObject | None = None, interval_ms: int = _INTERVAL_MS) -> None:
        super().__init__(parent)
        gc.disable()
        self._n_modules = len(sys.modules)
        self._timer = QTimer(self, interval=interval_ms)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    def stop(self) -> None:
        """Collect no more."""
        self._timer.stop()

    def _collect(self) -> None:
        """As Python does: an older generation where the one before it was collected often enough.

        What an import of torch makes is not looked through, which took a tenth of a second in which nothing is painted.
        """
        n_modules, self._n_modules = self._n_modules, len(sys.modules)
        if self._n_modules > n_modules + _MANY_MODULES:
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
            return
        for generation, limit in enumerate(gc.get_threshold()):
            if gc.get_count()[generation] <= limit:
                break
            gc.collect(generation)
