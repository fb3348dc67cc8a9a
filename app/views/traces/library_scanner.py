"""Reads the library in a thread of its own, and again when its folder changes: the window never waits for it."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal, Slot

from app.running.file_reader import FileReader
from moe_core.analyses.kept.beside import results_in
from moe_core.effects.map_file import fingerprint_in, is_named_for, maps_in
from moe_core.errors import TraceError
from moe_core.traces.library import Library, TraceEntry

_DEBOUNCE_MS = 300
_REPORT_S = 0.1


@dataclass(frozen=True)
class Listing:
    """Entries that were read since the last report. The last report of a scan has `paths`: all that there is.

    `beside` then are the effect maps and kept results that lie there; `problem` is one sentence where the folder
    cannot be read.
    """

    scan: int
    entries: tuple[TraceEntry, ...]
    paths: frozenset[Path] | None = None
    problem: str = ""
    beside: frozenset[Path] = frozenset()


class LibraryScanner(FileReader):
    """`found` carries a Listing, in the thread that made the scanner; those of an earlier scan are dropped."""

    found = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__("library", parent)
        self._library = Library()
        self._folder: Path | None = None
        self._scan = 0
        self._is_closed = False
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._on_folder_changed)
        self._soon = QTimer(self, singleShot=True, interval=_DEBOUNCE_MS)
        self._soon.timeout.connect(self.scan_again)

    @property
    def is_watching(self) -> bool:
        """Whether a change of the folder would be noticed."""
        return bool(self._watcher.directories())

    def scan(self, folder: Path) -> None:
        """List a folder, and list it again whenever it changes."""
        if self._is_closed:
            return
        self._folder = folder
        # A folder that is still to be made shows in the one above.
        above = (str(place) for place in (folder, *folder.parents) if os.path.isdir(place))
        watched = [place for place in (next(above, ""),) if place]  # nothing of a drive that is not there
        if self._watcher.directories() != watched:
            self._forget_folder()
            self._watcher.addPaths(watched)
        self._scan += 1
        self.submit(self._list, folder, self._scan)

    @Slot()
    def scan_again(self) -> None:
        """List the same folder once more; files that did not change are not read again."""
        if self._folder is not None:
            self.scan(self._folder)

    def pause(self) -> None:
        """Drop what is under way, and take no notice of changes until the next scan."""
        self._scan += 1
        self._soon.stop()
        self._forget_folder()

    def close(self) -> None:
        """Pause, and wait for the file that is being read; nothing is scanned afterwards."""
        self.pause()
        self._is_closed = True
        super().close()

    def _forget_folder(self) -> None:
        if watched := self._watcher.directories():
            self._watcher.removePaths(watched)

    def _list(self, folder: Path, scan: int) -> None:
        """In the thread."""
        new: list[TraceEntry] = []
        paths: set[Path] = set()
        maps, named = set[Path](), maps_in(folder)
        problem, told_s = "", time.monotonic()
        try:
            for entry in self._library.entries(folder):
                if scan != self._scan:
                    return
                new.append(entry)
                paths.add(entry.path)
                maps.update(path for path in named if _is_map_of(path, entry))
                if time.monotonic() - told_s > _REPORT_S:
                    self.tell(self._on_read, Listing(scan, tuple(new)))
                    new, told_s = [], time.monotonic()
        except TraceError as error:
            problem = str(error)
        self.tell(self._on_read, Listing(scan, tuple(new), frozenset(paths), problem, results_in(folder) | maps))

    def _on_read(self, listing: Listing) -> None:
        if listing.scan == self._scan:
            self.found.emit(listing)

    @Slot(str)
    def _on_folder_changed(self, folder: str) -> None:
        self._soon.start()


def _is_map_of(path: Path, entry: TraceEntry) -> bool:
    return is_named_for(path, entry.path) and bool(entry.fingerprint) and fingerprint_in(path) == entry.fingerprint
