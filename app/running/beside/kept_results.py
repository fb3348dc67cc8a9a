"""Reads results of analyses that lie beside the trace, in a thread, as soon as what is shown asks for them."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.content.atlas_request import kept_as, key_of, request_of, why_not
from app.content.expert_facts import missing_facts
from app.running.thread_priority import yield_to_the_window
from app.state.atlas_state import AtlasKey
from app.state.session import Session
from app.state.state import State

if TYPE_CHECKING:
    from moe_core.analyses.analysis import AnalysisResult
    from moe_core.analyses.kept.making import Making
    from moe_core.jobs.analysis_sources import AnalysisRequest

log = logging.getLogger(__name__)


class KeptResults(QObject):
    """What the Atlas and the expert's page ask for is looked for once; what is found goes into the state."""

    _read = Signal(object, object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._looked_for: dict[AtlasKey, str] = {}
        self._thread = ThreadPoolExecutor(1, "moescope results", initializer=yield_to_the_window)
        self._read.connect(self._on_read, Qt.ConnectionType.QueuedConnection)
        session.changed.connect(self._on_changed)

    def close(self) -> None:
        """Wait for the file that is being read; nothing is told afterwards."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            self._looked_for.clear()
        if after.trace is None:
            return
        for key, request in (*_shown(after), *missing_facts(after)):
            if key in after.atlas.results or (making := kept_as(after, request)) is None:
                continue
            if self._looked_for.get(key) != making.digest:
                self._looked_for[key] = making.digest
                self._thread.submit(self._look, key, after.trace.path, making).add_done_callback(_log_failure)

    def _look(self, key: AtlasKey, trace: Path, making: "Making") -> None:
        """In the thread."""
        from moe_core.analyses.kept.beside import find_kept

        found = find_kept(trace, making, key.options)
        with suppress(RuntimeError):  # the window is gone meanwhile
            self._read.emit(key, found)

    @Slot(object, object)
    def _on_read(self, key: AtlasKey, found: "AnalysisResult | None") -> None:
        state = self._session.state
        if found is not None and key not in state.atlas.results:
            self._session.set(replace(state, atlas=state.atlas.with_result(key, found)))


def _shown(state: State) -> "list[tuple[AtlasKey, AnalysisRequest]]":
    request, key = request_of(state), key_of(state)
    return [] if request is None or key is None or why_not(state) else [(key, request)]


def _log_failure(looked: "Future[None]") -> None:
    if not looked.cancelled() and (error := looked.exception()):
        log.error("A result cannot be read.", exc_info=error)
