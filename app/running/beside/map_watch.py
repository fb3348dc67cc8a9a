"""Takes up effect maps that another program writes beside the trace shown, while it is shown."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Slot

from app.running.file_reader import FileReader
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from moe_core.effects.effect_map import EffectMap
from moe_core.effects.map_file import known_maps, map_paths
from moe_core.effects.maps_beside import renewed

_DEBOUNCE_MS = 300
_Signature = frozenset[tuple[Path, int, int]]


class MapWatch(FileReader):
    """Watches the folder of the trace shown; a map that is new or has changed is read in a thread."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__("maps", parent)
        self._session = session
        self._seen: _Signature = frozenset()
        self._watcher = QFileSystemWatcher(self)
        self._soon = QTimer(self, singleShot=True, interval=_DEBOUNCE_MS)
        self._soon.timeout.connect(self.look)
        self._watcher.directoryChanged.connect(self._on_folder_changed)
        session.changed.connect(self._on_changed)

    @Slot()
    def look(self) -> None:
        """Read the maps again where any of them is new, or has changed."""
        data = self._session.state.trace
        signature = frozenset() if data is None else _signature(data.path)
        if data is None or signature == self._seen:
            return
        self._seen = signature
        self.submit(self._look, data)

    def close(self) -> None:
        """Wait for what is being read; nothing is told afterwards."""
        self._soon.stop()
        super().close()

    def _look(self, data: TraceData) -> None:
        """In the thread."""
        self.tell(self._on_read, data, known_maps(data.path, data.fingerprint))

    @Slot(str)
    def _on_folder_changed(self, _folder: str) -> None:
        self._soon.start()

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is after.trace:
            return
        if watched := self._watcher.directories():
            self._watcher.removePaths(watched)
        if after.trace is not None:
            self._seen = _signature(after.trace.path)  # what lies there now is read as the trace is opened
            self._watcher.addPath(str(after.trace.path.parent))

    def _on_read(self, data: TraceData, found: tuple[EffectMap, ...]) -> None:
        state = self._session.state
        if data is state.trace and (maps := renewed(state.effect_maps, found)) != state.effect_maps:
            self._session.set(replace(state, effect_maps=maps))


def _signature(trace: Path) -> _Signature:
    """Names, times and sizes of the maps beside a trace."""
    found = set()
    for path in map_paths(trace):
        with suppress(OSError):
            told = path.stat()
            found.add((path, told.st_mtime_ns, told.st_size))
    return frozenset(found)
