"""Reads an HDF5 file's structure without reading its data, and refuses whatever a trace never contains."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import TraceError
from moe_core.traces.hdf5.blocks import UNDEFINED, Hdf5Blocks, Link, Message, parse_link

_MAX_OBJECTS_PER_GROUP = 64
_MAX_NAME_BYTES = 64
_MAX_RANK = 4
# Kinds of messages in an object header.
_NIL, _SPACE, _LINK_INFO, _TYPE, _FILL, _LINK, _EXTERNAL, _LAYOUT = 0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08
_GROUP_INFO, _FILTERS, _ATTRIBUTE, _TIME, _ATTRIBUTE_INFO, _REFERENCES = 0x0A, 0x0B, 0x0C, 0x12, 0x15, 0x16
_OF_GROUP = {_NIL, _LINK_INFO, _LINK, _GROUP_INFO, _TIME, _ATTRIBUTE_INFO}
_OF_DATASET = {_NIL, _SPACE, _TYPE, _FILL, _LAYOUT, _TIME, _ATTRIBUTE_INFO}
_TEXT, _UTF8_PADDED_WITH_ZEROS = 3, b"\x11\0\0"


def _integer(n_bytes: int, *, signed: bool = False) -> bytes:
    return struct.pack("<BBHIHH", 0, 8 if signed else 0, 0, n_bytes, 0, 8 * n_bytes)


def _float(n_bytes: int, exponent_bits: int) -> bytes:
    sign, mantissa = 8 * n_bytes - 1, 8 * n_bytes - 1 - exponent_bits
    head = struct.pack("<BBBBI", 1, 0x20, sign, 0, n_bytes)
    bias = 2 ** (exponent_bits - 1) - 1
    return head + struct.pack("<HHBBBBI", 0, 8 * n_bytes, mantissa, exponent_bits, 0, mantissa, bias)


# The types of numbers in a trace as HDF5 encodes them, apart from the encoding's version.
_NUMBERS = {
    _integer(1): "u1",
    _integer(1, signed=True): "i1",
    _integer(2): "<u2",
    _float(2, exponent_bits=5): "<f2",
    _integer(4): "<u4",
    _integer(4, signed=True): "<i4",
    _float(4, exponent_bits=8): "<f4",
    _integer(8, signed=True): "<i8",
}

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
    """All datasets by name (`group/name`), the root's attributes, and where the headers lie (first byte, end)."""

    datasets: dict[str, FoundDataset]
    attributes: Attributes
    headers: tuple[tuple[int, int], ...]


def read_structure(path: Path, check_attributes: Callable[[Attributes], None]) -> FoundStructure:
    """The structure of an HDF5 file that has nothing but plain contiguous datasets, one level of groups deep.

    `check_attributes` may refuse the root's attributes before anything else is looked at, so that a file of another
    kind or version is called that. Raises TraceError, naming the object, for any other link, layout, filter or type.
    """
    try:
        with Hdf5Blocks(path) as blocks:
            messages = blocks.messages(blocks.root_address())
            attributes = _attributes(messages)
            check_attributes(attributes)
            return FoundStructure(_walk(blocks, messages), attributes, tuple(blocks.spans))
    except (OSError, struct.error, IndexError) as error:
        raise TraceError(f"its HDF5 structure cannot be read ({error}).") from error


def _walk(blocks: Hdf5Blocks, root: list[Message]) -> dict[str, FoundDataset]:
    found: dict[str, FoundDataset] = {}
    for name, messages in _children(blocks, [message for message in root if message.kind != _ATTRIBUTE], ""):
        if any(message.kind == _LINK_INFO for message in messages):
            for inner_name, inner in _children(blocks, messages, f"{name}/"):
                found[inner_name] = _dataset(inner, inner_name)
        else:
            found[name] = _dataset(messages, name)
    return found


def _children(blocks: Hdf5Blocks, group: list[Message], prefix: str) -> list[tuple[str, list[Message]]]:
    _refuse_others(group, _OF_GROUP, prefix)
    links = [parse_link(message.body) for message in group if message.kind == _LINK]
    for message in group:
        if message.kind == _LINK_INFO:
            links += _dense_links(blocks, message.body)
    if len(links) > _MAX_OBJECTS_PER_GROUP:
        raise TraceError(f"it has more than {_MAX_OBJECTS_PER_GROUP} objects in /{prefix}.")
    if len({link.name for link in links}) != len(links):
        raise TraceError(f"two objects in /{prefix} have the same name.")
    return [(prefix + link.name, _messages(blocks, link, prefix + link.name)) for link in links]


def _dense_links(blocks: Hdf5Blocks, body: bytes) -> list[Link]:
    heap, index = struct.unpack_from("<QQ", body, 10 if body[1] & 1 else 2)
    return [] if heap == UNDEFINED else [parse_link(raw) for raw in blocks.heap_links(heap, index)]


def _messages(blocks: Hdf5Blocks, link: Link, name: str) -> list[Message]:
    if link.address is None:
        raise TraceError(f"/{name} is a soft or external link.")
    try:
        return blocks.messages(link.address)
    except TraceError as error:
        raise TraceError(f"/{name}: {error}") from error


def _dataset(messages: list[Message], name: str) -> FoundDataset:
    _refuse_others(messages, _OF_DATASET, name)
    body = {message.kind: message.body for message in messages}
    if not {_SPACE, _TYPE, _LAYOUT} <= body.keys():
        raise TraceError(f"/{name} is not a dataset.")
    for kind in (_SPACE, _TYPE, _LAYOUT):
        if sum(message.kind == kind for message in messages) != 1:
            raise TraceError(f"/{name} is declared twice.")
    layout = body[_LAYOUT]
    if len(layout) != 18 or layout[0] not in (3, 4, 5) or layout[1] != 1:
        raise TraceError(f"/{name} is not stored contiguously.")
    offset, n_bytes = struct.unpack_from("<QQ", layout, 2)
    return FoundDataset(
        _shape(body[_SPACE], name), _dtype(body[_TYPE], name), 0 if offset == UNDEFINED else offset, n_bytes
    )


def _refuse_others(messages: list[Message], allowed: set[int], name: str) -> None:
    said = {
        _ATTRIBUTE: "has attributes",
        _FILTERS: "has filters or external storage",
        _EXTERNAL: "has filters or external storage",
        _REFERENCES: "has several names",
    }
    for message in messages:
        if message.kind not in allowed:
            raise TraceError(f"/{name} {said.get(message.kind, 'is neither a plain group nor a plain dataset')}.")
        if message.kind == _ATTRIBUTE_INFO and _has_heap(message.body):
            raise TraceError(f"/{name} has attributes.")


def _has_heap(attribute_info: bytes) -> bool:
    place = 4 if attribute_info[1] & 1 else 2
    return bool(struct.unpack_from("<Q", attribute_info, place)[0] != UNDEFINED)


def _shape(body: bytes, name: str) -> tuple[int, ...]:
    version, rank, _, kind = body[:4]
    if version != 2 or kind > 1 or rank > _MAX_RANK or bool(rank) != bool(kind):
        raise TraceError(f"/{name} has no shape that a trace uses.")
    return struct.unpack_from(f"<{rank}Q", body, 4)


def _dtype(body: bytes, name: str) -> str:
    """Only the exact types of the format; anything else, also big-endian or variable-length, is refused."""
    kind = body[0] & 15
    if kind == _TEXT and body[1:4] == _UTF8_PADDED_WITH_ZEROS:
        return f"S{int.from_bytes(body[4:8], 'little')}"
    if dtype := _NUMBERS.get(bytes([kind]) + body[1:]):
        return dtype
    raise TraceError(f"/{name} has a type that traces do not use.")


def _attributes(root: list[Message]) -> Attributes:
    return dict(_attribute(message.body) for message in root if message.kind == _ATTRIBUTE)


def _attribute(body: bytes) -> tuple[str, bytes | int | None]:
    version, _, name_bytes, type_bytes, space_bytes = struct.unpack_from("<BBHHH", body)
    start = 9 + name_bytes
    name = body[9:start].rstrip(b"\0").decode("utf-8", "replace")
    if version != 3:
        return name, None
    kind = body[start : start + type_bytes]
    space = body[start + type_bytes : start + type_bytes + space_bytes]
    value = body[start + type_bytes + space_bytes :]
    is_scalar = len(space) >= 4 and space[0] == 2 and space[1] == 0 and space[3] == 0
    if not is_scalar or len(kind) < 8 or len(value) != int.from_bytes(kind[4:8], "little"):
        return name, None
    if kind[0] & 15 == _TEXT and len(value) <= _MAX_NAME_BYTES:
        return name, value.rstrip(b"\0")
    number = bytes([kind[0] & 15]) + kind[1:]
    if number in (*map(_integer, (1, 2, 4, 8)), *(_integer(n, signed=True) for n in (1, 2, 4, 8))):
        return name, int.from_bytes(value, "little", signed=bool(kind[1] & 8))
    return name, None
