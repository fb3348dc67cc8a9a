"""Rows of a trace's datasets by name, read and written at the places that a checked layout gives."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import Remedy, TraceError
from moe_core.system.closing import Closing
from moe_core.system.positioned_file import PositionedFile, identity_of
from moe_core.traces.layout import Extent, TraceLayout

Array = NDArray[Any]
ArrayT = TypeVar("ArrayT", bound=NDArray[Any])

_HARMLESS_BYTES = 64 * 2**20
_MOST_HOLES = 32


class TraceFile(Closing):
    """An open trace; raises TraceError when the file is no longer the one that was checked."""

    def __init__(self, path: Path, layout: TraceLayout, *, writable: bool = False) -> None:
        self.path = path
        self.layout = layout
        self._static: dict[str, Array] = {}
        try:
            self._file = PositionedFile(path, writable=writable)
        except OSError as error:
            raise TraceError(f"{path} cannot be opened ({error.strerror}).") from error
        if self._file.identity() != layout.file_identity:
            self.close()
            raise TraceError(f"{path} was replaced while it was being opened: open it again.")

    def close(self) -> None:
        """Let go of the file; harmless when repeated."""
        self._file.close()

    def is_mostly_holes(self, names: Iterable[str]) -> bool:
        """Whether these datasets claim far more than lies on the disk: a tiny file could fill the memory so."""
        claimed = sum(self.layout.extents[name].dataset.n_bytes for name in names)
        return claimed > _HARMLESS_BYTES and claimed > _MOST_HOLES * self._file.allocated_bytes()

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Rows `start` to `stop` (to the end) of a dataset, as a read-only array."""
        extent = self.layout.extents[name]
        dataset = extent.dataset
        stop = dataset.shape[0] if stop is None else stop
        assert 0 <= start <= stop <= dataset.shape[0], (name, start, stop)
        data = self._read_bytes(extent, start * dataset.row_bytes, (stop - start) * dataset.row_bytes)
        return np.frombuffer(data, dataset.dtype).reshape(stop - start, *dataset.shape[1:])

    def read_static(self, name: str) -> Array:
        """A whole dataset that never changes, read once and kept."""
        if name not in self._static:
            self._static[name] = self.read(name)
        return self._static[name]

    def read_scalar(self, name: str) -> bytes:
        extent = self.layout.extents[name]
        return self._read_bytes(extent, 0, extent.dataset.n_bytes)

    def has_its_name(self) -> bool:
        """Whether the file that is open is still the one of that name."""
        try:
            return identity_of(self.path.stat()) == self.layout.file_identity
        except OSError:
            return False

    def check_size(self) -> None:
        """Raise TraceError where the file can no longer be read, or bytes were cut off its end."""
        try:
            size = self._file.identity()[2]
        except OSError as error:
            raise TraceError(f"{self.path} cannot be read ({error.strerror}).") from error
        if size != self.layout.file_identity[2]:
            raise TraceError(f"{self.path} was cut short while it was being read.")

    def check_name(self) -> None:
        """Raise TraceError where the file that is open has its name no longer: what is written is lost with it."""
        if not self.has_its_name():
            raise TraceError(
                f"{self.path} was deleted, moved or replaced while it was being recorded: nothing more is written to "
                "it.",
                Remedy.RESUME_WHERE_MOVED,
            )

    def write(self, name: str, start: int, data: bytes) -> None:
        """Put whole rows from row `start` on; raises OSError as the system does."""
        extent = self.layout.extents[name]
        assert start * extent.dataset.row_bytes + len(data) <= extent.dataset.n_bytes, (name, start, len(data))
        self._file.write(extent.offset + start * extent.dataset.row_bytes, data)

    def sync(self) -> None:
        """Return once everything written is on the disk; raises OSError as the system does."""
        self._file.sync()

    def _read_bytes(self, extent: Extent, start: int, count: int) -> bytes:
        try:
            data = self._file.read(extent.offset + start, count)
        except OSError as error:
            reason = error.strerror or os.strerror(error.errno or 0)
            raise TraceError(f"{self.path} cannot be read ({reason}).") from error
        except (MemoryError, OverflowError) as error:
            raise TraceError(f"{self.path} needs more memory than there is: {count / 1e6:,.0f} MB at once.") from error
        if len(data) != count:
            raise TraceError(f"{self.path} was cut short while it was being read.")
        return data


def read_only(array: ArrayT) -> ArrayT:
    """The same array, closed for writing, as all arrays of a trace are."""
    array.flags.writeable = False
    return array
