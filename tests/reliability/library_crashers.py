"""Traces that end or hang a program which opens them with the HDF5 library.

All that were found by changing single bytes; hdf5 #6490 is the first of them. Each function makes one in a folder that
holds a sound trace `good.h5`.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import h5py

from tests.traces.copied_trace import Replacement, copy_trace
from tests.traces.hdf5.sealed_headers import seal

MakeFile = Callable[[Path], Path]
CRASHERS: dict[str, MakeFile] = {}
_ONE = "answers/weights"
_CHUNK = (5, 1, 1)


def read_with_the_library(path: str) -> None:
    """In a child: what plain h5py does with a trace."""
    with h5py.File(path) as file:
        file.visit(lambda name: None)
        file[_ONE][()]


def _crasher(make: Replacement, damage: Callable[[memoryview, h5py.Dataset], None]) -> Callable[[Path, str], Path]:
    """A copy in which one dataset is made in another way, and damaged from its header on; all checksums are right."""

    def make_file(folder: Path, name: str) -> Path:
        path = copy_trace(folder / "good.h5", folder / f"{name}.h5", replaced={_ONE: make}, libver="v110")
        with h5py.File(path) as file:
            header = h5py.h5o.get_info(file[_ONE].id).addr
        with h5py.File(folder / "good.h5") as good:
            raw = bytearray(path.read_bytes())
            damage(memoryview(raw)[header:], good[_ONE])
        path.write_bytes(raw)
        seal(path)
        return path

    return make_file


def _named(name: str, make_file: Callable[[Path, str], Path]) -> None:
    CRASHERS[name] = lambda folder: make_file(folder, name)


def _find(raw: memoryview, pattern: bytes) -> int:
    return bytes(raw).index(pattern)


def _one_chunk(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    copy.create_dataset(name, data=original[()], chunks=original.shape, fletcher32=True)


def _many_chunks(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    copy.create_dataset(name, data=original[()], chunks=(1, 1, 1), fletcher32=True)


def _growing(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    shape = (None, *original.shape[1:])
    copy.create_dataset(name, data=original[()], chunks=_CHUNK, maxshape=shape, compression="gzip")


def _texts(copy: h5py.File, name: str, _: h5py.Dataset) -> None:
    copy.create_dataset(name, data=["a", "bb", "ccc"], dtype=h5py.string_dtype())


def _chunk_size(n_bytes: int) -> Callable[[memoryview, h5py.Dataset], None]:
    """The size of the only chunk, 4 bytes of checksum included, is said to be another one."""

    def damage(raw: memoryview, good: h5py.Dataset) -> None:
        place = _find(raw, struct.pack("<Q", good.dtype.itemsize * good.size + 4))
        raw[place : place + 8] = struct.pack("<Q", n_bytes)

    return damage


def _largest_extent(raw: memoryview, good: h5py.Dataset) -> None:
    """The dataset may grow to more chunks than can be counted."""
    sizes = struct.pack("<6Q", *good.shape, *good.shape)
    place = _find(raw, sizes) + len(sizes)
    raw[place - 8 : place] = struct.pack("<Q", good.shape[-1] | 2**58)


def _chunk_rank(rank: int) -> Callable[[memoryview, h5py.Dataset], None]:
    """The chunks are said to have another number of dimensions than the data: version 4, chunked, no more flags."""

    def damage(raw: memoryview, _: h5py.Dataset) -> None:
        place = _find(raw, bytes([4, 2, 0, len(_CHUNK) + 1, 1, *_CHUNK, 2]))
        raw[place + 3] = rank

    return damage


def _free_space(raw: memoryview, _: h5py.Dataset) -> None:
    """The free space behind the last text of a heap is said to be one byte."""
    place = _find(raw, b"GCOL") + 16
    while int.from_bytes(raw[place : place + 2], "little"):
        n_bytes = int.from_bytes(raw[place + 8 : place + 16], "little")
        place += 16 + -(-n_bytes // 8) * 8
    raw[place + 8 : place + 16] = struct.pack("<Q", 1)


def _heap_without_columns(folder: Path, name: str) -> Path:
    """The heap with the links of a large group is said to be 0 blocks wide."""

    def add(copy: h5py.File) -> None:
        for number in range(40):
            copy.create_group(f"group{number}")

    path = copy_trace(folder / "good.h5", folder / f"{name}.h5", changed=add, libver="v110")
    before, *heaps = path.read_bytes().split(b"FRHP")
    path.write_bytes(b"FRHP".join([before, *(heap[:106] + bytes(2) + heap[108:] for heap in heaps)]))
    seal(path)
    return path


_named("fletcher32_without_a_chunk", _crasher(_one_chunk, _chunk_size(0)))
_named("fletcher32_shorter_than_its_checksum", _crasher(_one_chunk, _chunk_size(3)))
_named("fletcher32_larger_than_any_memory", _crasher(_one_chunk, _chunk_size(2**62)))
_named("more_chunks_than_can_be_counted", _crasher(_many_chunks, _largest_extent))
_named("chunks_of_another_rank", _crasher(_growing, _chunk_rank(0)))
_named("heap_without_columns", _heap_without_columns)
_named("endless_free_space", _crasher(_texts, _free_space))
