"""Reads an HDF5 file's structure without reading its data, and refuses whatever a trace never contains.

Plain h5py follows external files and links, so everything is looked at through the low-level API and by type first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from moe_core.errors import TraceError

_MAX_OBJECTS_PER_GROUP = 64

Attributes = dict[str, bytes | int | None]  # None: neither a short fixed-length text nor one integer


@dataclass(frozen=True)
class FoundDataset:
    """A contiguous dataset as the file declares it; `dtype` is numpy's notation, `S<n>` only for fixed UTF-8 text."""

    shape: tuple[int, ...]
    dtype: str
    offset: int
    n_bytes: int


@dataclass(frozen=True)
class FoundStructure:
    """All datasets by name (`group/name`), and the root's attributes."""

    datasets: dict[str, FoundDataset]
    attributes: Attributes


def read_structure(path: Path, check_attributes: Callable[[Attributes], None]) -> FoundStructure:
    """The structure of an HDF5 file that has nothing but plain contiguous datasets, one level of groups deep.

    `check_attributes` may refuse the root's attributes before anything else is looked at, so that a file of another
    kind or version is called that. Raises TraceError, naming the object, for any other link, layout, filter or type.
    """
    try:
        with h5py.File(path, "r") as file:
            root = h5py.h5g.open(file.id, b"/")
            attributes = _attributes(root)
            check_attributes(attributes)
            if file.userblock_size:
                raise TraceError("it has a user block.")
            return FoundStructure(_walk(root), attributes)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = str(error).strip("'")  # a KeyError quotes its text
        raise TraceError(f"the HDF5 library cannot read it ({reason}).") from error


def _walk(root: Any) -> dict[str, FoundDataset]:
    found: dict[str, FoundDataset] = {}
    for name, child in _children(root, ""):
        if isinstance(child, h5py.h5g.GroupID):
            _refuse_attributes(child, name)
            for inner_name, inner in _children(child, f"{name}/"):
                found[inner_name] = _dataset(inner, inner_name)
        else:
            found[name] = _dataset(child, name)
    return found


def _children(group: Any, prefix: str) -> list[tuple[str, Any]]:
    if group.get_num_objs() > _MAX_OBJECTS_PER_GROUP:
        raise TraceError(f"it has more than {_MAX_OBJECTS_PER_GROUP} objects in /{prefix}.")
    children = []
    for raw_name in group:
        name = prefix + raw_name.decode("utf-8", "replace")
        if group.links.get_info(raw_name).type != h5py.h5l.TYPE_HARD:
            raise TraceError(f"/{name} is a soft or external link.")
        children.append((name, h5py.h5o.open(group, raw_name)))
    return children


def _dataset(found: Any, name: str) -> FoundDataset:
    if not isinstance(found, h5py.h5d.DatasetID):
        raise TraceError(f"/{name} is not a dataset.")
    _refuse_attributes(found, name)
    creation = found.get_create_plist()
    if creation.get_layout() != h5py.h5d.CONTIGUOUS:
        raise TraceError(f"/{name} is not stored contiguously.")
    if creation.get_nfilters() or creation.get_external_count():
        raise TraceError(f"/{name} has filters or external storage.")
    shape = _shape(found.get_space(), name)
    offset = found.get_offset()
    return FoundDataset(shape, _dtype(found.get_type(), name), offset or 0, found.get_storage_size())


def _shape(space: Any, name: str) -> tuple[int, ...]:
    if space.get_simple_extent_type() not in (h5py.h5s.SCALAR, h5py.h5s.SIMPLE):
        raise TraceError(f"/{name} has no shape.")
    return tuple(int(length) for length in space.get_simple_extent_dims())


def _dtype(kind: Any, name: str) -> str:
    """Only the exact types of the format; anything else, also big-endian or variable-length, is refused."""
    if isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str():
        expected = h5py.h5t.py_create(h5py.string_dtype("utf-8", kind.get_size()), logical=True)
        if kind == expected:
            return f"S{kind.get_size()}"
    for dtype in ("u1", "i1", "<u2", "<f2", "<u4", "<i4", "<f4", "<i8"):
        if kind == h5py.h5t.py_create(np.dtype(dtype), logical=True):
            return dtype
    raise TraceError(f"/{name} has a type that traces do not use.")


def _refuse_attributes(found: Any, name: str) -> None:
    if h5py.h5a.get_num_attrs(found):
        raise TraceError(f"/{name} has attributes.")


def _attributes(root: Any) -> Attributes:
    count = min(h5py.h5a.get_num_attrs(root), _MAX_OBJECTS_PER_GROUP)
    found = [h5py.h5a.open(root, index=index) for index in range(count)]
    return {attribute.name.decode("utf-8", "replace"): _attribute_value(attribute) for attribute in found}


def _attribute_value(attribute: Any) -> bytes | int | None:
    kind = attribute.get_type()
    is_text = isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str() and kind.get_size() <= 64
    is_number = isinstance(kind, h5py.h5t.TypeIntegerID)
    if attribute.get_space().get_simple_extent_type() != h5py.h5s.SCALAR or not (is_text or is_number):
        return None
    value = np.empty((), f"S{kind.get_size()}" if is_text else np.int64)
    attribute.read(value, mtype=kind if is_text else None)
    return bytes(value[()]) if is_text else int(value)
