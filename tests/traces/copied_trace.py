"""Copies of a trace that differ in one place: made with plain h5py, as a stranger might make them.

The checksum of the static data is made right again, so that what is refused is refused for what it is.
"""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py

from moe_core.traces.checking.check import check_structure
from moe_core.traces.layout import datasets

Replacement = Callable[[h5py.File, str, h5py.Dataset], None]


def copy_trace(
    source: Path,
    target: Path,
    *,
    replaced: Mapping[str, Replacement] | None = None,
    changed: Callable[[h5py.File], None] | None = None,
    libver: str = "latest",
) -> Path:
    """A copy; `replaced` makes single datasets in its own way, `changed` alters the whole in the end."""
    static = [dataset.name for dataset in datasets(check_structure(source).dimensions) if dataset.is_static]
    with h5py.File(source) as original, h5py.File(target, "x", libver=libver) as copy:
        names: list[str] = []
        original.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
        for name in names:
            make = (replaced or {}).get(name, plain)
            make(copy, name, original[name])
        for name, value in original.attrs.items():
            copy.attrs[name] = value
        copy.attrs["static_crc32"] = _static_crc(copy, static)
        if changed:
            changed(copy)
    return target


def plain(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """The dataset as it is."""
    copy.create_dataset(name, data=original[()], dtype=original.dtype)


def with_values(change: Callable[[object], object]) -> Replacement:
    """The dataset with other values of the same type and shape."""

    def make(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
        copy.create_dataset(name, data=change(original[()]), dtype=original.dtype)

    return make


def _static_crc(copy: h5py.File, names: list[str]) -> int:
    crc = 0
    for name in names:
        values = copy[name][()] if isinstance(copy[name], h5py.Dataset) else b""
        padded = values.ljust(copy[name].dtype.itemsize, b"\0") if isinstance(values, bytes) else values.tobytes()
        crc = zlib.crc32(padded, crc)
    return crc
