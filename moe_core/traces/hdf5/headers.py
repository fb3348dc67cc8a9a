"""Has the HDF5 library write a trace's headers into memory: it never touches a disk, which could be full.

The library is known to end the process when a write fails. So it writes to an object that only keeps what it is given,
a few kilobytes, and moescope itself puts those bytes into the file.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_core.traces.layout import FORMAT, FORMAT_VERSION, Dataset, Extent, TraceDimensions, datasets

if TYPE_CHECKING:
    import h5py

_ALIGNMENT_BYTES = 8  # so that no CRC word straddles two disk sectors


@dataclass(frozen=True)
class Headers:
    """What is to be written where, where each dataset's bytes belong, and the length of the whole file."""

    writes: tuple[tuple[int, bytes], ...]
    extents: dict[str, Extent]
    n_bytes: int


def make_headers(dimensions: TraceDimensions, static_crc32: int) -> Headers:
    """The headers of a trace whose static data have this CRC32."""
    import h5py  # slow, and only who records needs it

    memory = _Memory()
    # The file version of HDF5 1.10, not "latest": older viewers must be able to open the file.
    with h5py.File(
        memory, "w", libver=("v110", "v110"), alignment_threshold=1, alignment_interval=_ALIGNMENT_BYTES
    ) as file:
        file.attrs.create("format", np.bytes_(FORMAT))
        file.attrs.create("format_version", FORMAT_VERSION, dtype="<i4")
        file.attrs.create("static_crc32", static_crc32, dtype="<u4")
        for group in dict.fromkeys(dataset.name.partition("/")[0] for dataset in datasets(dimensions) if dataset.shape):
            file.create_group(group)
        # Small ones first, so that most headers stand close together and a reader waits for few places of a disk.
        by_size = sorted(datasets(dimensions), key=lambda dataset: dataset.n_bytes)
        extents = {dataset.name: Extent(dataset, _create(file, dataset)) for dataset in by_size}
    end = max(extent.offset + extent.dataset.n_bytes for extent in extents.values())
    return Headers(tuple(memory.writes), extents, max(end, memory.n_bytes))


class _Memory(io.RawIOBase):
    """Looks like a file to HDF5; keeps what is written, and of the rest only the length."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, bytes]] = []
        self.n_bytes = 0
        self._place = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.n_bytes}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        self.writes.append((self._place, bytes(data)))
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        self.n_bytes = self._place if size is None else size
        return self.n_bytes


def _create(file: "h5py.File", dataset: Dataset) -> int:
    """Offset of a new dataset, allocated at once, its bytes untouched; 0 when it is empty."""
    import h5py

    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    creation.set_obj_track_times(False)
    dtype = np.dtype(dataset.dtype)
    text = h5py.string_dtype("utf-8", dtype.itemsize) if dtype.kind == "S" else dtype
    space = h5py.h5s.create_simple(dataset.shape) if dataset.shape else h5py.h5s.create(h5py.h5s.SCALAR)
    created = h5py.h5d.create(file.id, dataset.name.encode(), h5py.h5t.py_create(text, logical=True), space, creation)
    return created.get_offset() or 0
