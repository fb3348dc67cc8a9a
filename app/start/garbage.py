"""Garbage is collected in the window's own thread: any other would destroy what is about to be painted."""

import gc

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MS = 1000


class GarbageCollector(QObject):
    """Takes the place of Python's own as long as it runs, which collects in whichever thread makes the most garbage.

    pyqtgraph has one as well, whose import would take longer than all else until the first page is painted.
    """

    def __init__(self, parent: QObject | None = None, interval_ms: int = _INTERVAL_MS) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self, interval=interval_ms)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    def stop(self) -> None:
        """Collect no more."""
        self._timer.stop()

    def _collect(self) -> None:
        """As Python does: an older generation where the one before it was collected often enough."""
        for generation, limit in enumerate(gc.get_threshold()):
            if gc.get_count()[generation] <= limit:
                break
            gc.collect(generation)
