"""Reads results of analyses that lie beside the trace, in a thread, as soon as what is shown asks for them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.content.atlas_request import kept_as, key_of, request_of, why_not
from app.content.expert_facts import missing_facts
from app.running.file_reader import FileReader
from app.state.atlas_state import AtlasKey
from app.state.session import Session
from app.state.state import State

if TYPE_CHECKING:
    from moe_core.analyses.analysis import AnalysisResult
    from moe_core.analyses.kept.making import Making
    from moe_core.jobs.analysis_sources import AnalysisRequest


class KeptResults(FileReader):
    """What the Atlas and the expert's page ask for is looked for once; what is found goes into the state."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__("results", parent)
        self._session = session
        self._looked_for: dict[AtlasKey, str] = {}
        session.changed.connect(self._on_changed)

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
                self.submit(self._look, key, after.trace.path, making)

    def _look(self, key: AtlasKey, trace: Path, making: "Making") -> None:
        """In the thread."""
        from moe_core.analyses.kept.beside import find_kept

        self.tell(self._on_read, key, find_kept(trace, making, key.options))

    def _on_read(self, key: AtlasKey, found: "AnalysisResult | None") -> None:
        state = self._session.state
        if found is not None and key not in state.atlas.results:
            self._session.set(replace(state, atlas=state.atlas.with_result(key, found)))


def _shown(state: State) -> "list[tuple[AtlasKey, AnalysisRequest]]":
    request, key = request_of(state), key_of(state)
    return [] if request is None or key is None or why_not(state) else [(key, request)]
