"""The blocks that an HDF5 file's structure is made of, read byte by byte: no HDF5 library is asked about a file.

A library of hundreds of thousands of lines of C has crashed on hostile files before, and a crash would take the window
along. Traces use a small part of the format: superblock 2 or 3, version 2 object headers, and groups whose links stand
in the header or in one heap block. All of these carry checksums. Everything else is refused.
The format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import TraceError
from moe_core.system.closing import Closing
from moe_core.system.positioned_file import PositionedFile

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 2**64 - 1
_MAX_BLOCK_BYTES = 2**16
_MAX_STRUCTURE_BYTES = 2**20  # a trace has less than a tenth of this
_MAX_CONTINUATIONS = 64
_PAGE_BYTES = 2**16
_MAX_PAGES = 256
_TIMES, _ATTRIBUTE_PHASES, _CREATION_ORDER = 0x20, 0x10, 0x04  # flags of an object header
_CONTINUATION, _SHARED = 0x10, 0x02
_NAME_INDEX = 5  # type of the B-tree that sorts a group's links by name
_HEAP_ID = struct.Struct("<BIH")


@dataclass(frozen=True)
class Message:
    """One message of an object header."""

    kind: int
    body: bytes


@dataclass(frozen=True)
class Link:
    """A name in a group; `address` is None for soft, external and other links that are not hard ones."""

    name: str
    address: int | None


class Hdf5Blocks(Closing):
    """An open file; every method raises TraceError for bytes that are not what they should be."""

    def __init__(self, path: Path) -> None:
        self._file = PositionedFile(path)
        self._bytes_left = _MAX_STRUCTURE_BYTES
        self._pages: dict[int, bytes] = {}
        self.spans: list[tuple[int, int]] = []
        """First byte and end of every block that was read: nothing else may lie there."""

    def close(self) -> None:
        self._file.close()

    def root_address(self) -> int:
        """Where the root group's header is."""
        raw = self._read(0, 48)
        if len(raw) < 48 or raw[:8] != SIGNATURE or raw[8] not in (2, 3) or raw[9:11] != b"\x08\x08":
            raise TraceError("its HDF5 headers are of a kind without checksums, which no moescope trace has.")
        self._check_sum(raw, "superblock")
        self.spans.append((0, 48))
        base, extension, end, root = struct.unpack_from("<4Q", raw, 12)
        if raw[11]:
            raise TraceError("the program that wrote it did not close it.")
        if base or extension != UNDEFINED:
            raise TraceError("it has a user block or a superblock extension.")
        if end > self._file.identity()[2]:
            raise TraceError("it was cut short.")
        return int(root)

    def messages(self, address: int) -> list[Message]:
        """All messages of the object header at `address`, in order."""
        prefix = self._read(address, 4 + 2 + 16 + 4 + 8)
        if prefix[:5] != b"OHDR\x02":
            raise TraceError("an object header is missing.")
        flags = prefix[5]
        start = 6 + (16 if flags & _TIMES else 0) + (4 if flags & _ATTRIBUTE_PHASES else 0)
        width = 1 << (flags & 3)
        end = start + width + int.from_bytes(prefix[start : start + width], "little")
        raw = self._block(address, end + 4, "object header")
        pending, found = [raw[start + width : end]], list[Message]()
        for _ in range(_MAX_CONTINUATIONS):
            if not pending:
                return found
            for message in _split(pending.pop(0), has_order=bool(flags & _CREATION_ORDER)):
                if message.kind == _CONTINUATION:
                    pending.append(self._continuation(message.body))
                else:
                    found.append(message)
        raise TraceError("an object header has too many parts.")

    def heap_links(self, heap_address: int, index_address: int) -> list[bytes]:
        """The link messages of a group that keeps them in a heap, sorted by a B-tree of one node."""
        heap = self._block(heap_address, 146, "heap", b"FRHP\0")
        width, filters = struct.unpack_from("<HH", heap, 5)
        block_bytes, _, bits, _, block_address, n_rows = struct.unpack_from("<QQHHQH", heap, 112)
        if (width, filters, bits, n_rows) != (_HEAP_ID.size, 0, 32, 0):
            raise TraceError("a group has more objects than a trace needs.")
        block = self._heap_block(block_address, block_bytes, has_sum=bool(heap[9] & 2))
        return [_heap_object(block, heap_id) for heap_id in self._heap_ids(index_address)]

    def _heap_ids(self, address: int) -> Iterator[bytes]:
        tree = self._block(address, 38, "B-tree", b"BTHD\0")
        record_bytes, depth = struct.unpack_from("<HH", tree, 10)
        root, n_records = struct.unpack_from("<QH", tree, 16)
        if tree[5] != _NAME_INDEX or record_bytes != 4 + _HEAP_ID.size or depth:
            raise TraceError("a group has more objects than a trace needs.")
        leaf = self._block(root, 6 + n_records * record_bytes + 4, "B-tree", b"BTLF\0")
        for start in range(6, 6 + n_records * record_bytes, record_bytes):
            yield leaf[start + 4 : start + record_bytes]

    def _heap_block(self, address: int, n_bytes: int, *, has_sum: bool) -> bytes:
        if n_bytes < 21:
            raise TraceError("a heap is damaged.")
        block = self._read(address, n_bytes)
        if block[:5] != b"FHDB\0" or len(block) != n_bytes:
            raise TraceError("a heap is damaged.")
        if has_sum:  # computed with the checksum's own place zeroed
            self._check_sum(block[:17] + bytes(4) + block[21:] + block[17:21], "heap")
        self.spans.append((address, address + n_bytes))
        return block

    def _continuation(self, body: bytes) -> bytes:
        if len(body) != 16:
            raise TraceError("an object header is damaged.")
        address, length = struct.unpack("<QQ", body)
        return self._block(address, length, "object header", b"OCHK")[4:-4]

    def _block(self, address: int, n_bytes: int, what: str, begins: bytes = b"") -> bytes:
        """A block that ends in a checksum over all before it."""
        raw = self._read(address, n_bytes)
        if len(raw) != n_bytes or n_bytes < len(begins) + 4 or not raw.startswith(begins):
            raise TraceError(f"a {what} is missing or cut short.")
        self._check_sum(raw, what)
        self.spans.append((address, address + n_bytes))
        return raw

    def _check_sum(self, raw: bytes, what: str) -> None:
        if checksum(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            raise TraceError(f"its {what} does not match its checksum.")

    def _read(self, address: int, n_bytes: int) -> bytes:
        self._bytes_left -= n_bytes
        if n_bytes > _MAX_BLOCK_BYTES or self._bytes_left < 0:
            raise TraceError("its headers are larger than those of any trace.")
        if address > self._file.identity()[2]:
            raise TraceError("its headers point behind its end: it was cut short.")
        page = address // _PAGE_BYTES * _PAGE_BYTES
        found = self._page(page)
        if address + n_bytes > page + _PAGE_BYTES:
            found += self._page(page + _PAGE_BYTES)
        return found[address - page : address - page + n_bytes]

    def _page(self, offset: int) -> bytes:
        """A part of the file, read once: headers stand close together, and a slow disk counts reads."""
        if offset not in self._pages:
            if len(self._pages) == _MAX_PAGES:
                raise TraceError("its headers are scattered more widely than those of any trace.")
            self._pages[offset] = self._file.read(offset, _PAGE_BYTES)
        return self._pages[offset]


def checksum(data: bytes) -> int:
    """Jenkins' lookup3 (`hashlittle`, initial value 0), as HDF5 uses it for its own structure."""
    mask = 0xFFFFFFFF
    a = b = c = (0xDEADBEEF + len(data)) & mask
    if not data:
        return c
    whole = (len(data) - 1) // 12
    padded = data + bytes(12 * (whole + 1) - len(data))
    words: tuple[int, ...] = struct.unpack(f"<{3 * (whole + 1)}I", padded)
    for i in range(0, 3 * whole, 3):
        a, b, c = a + words[i], b + words[i + 1], (c + words[i + 2]) & mask
        a = ((a - c) ^ (c << 4 | c >> 28)) & mask
        c += b
        b = ((b - a) ^ (a << 6 | a >> 26)) & mask
        a += c
        c = ((c - b) ^ (b << 8 | b >> 24)) & mask
        b += a
        a = ((a - c) ^ (c << 16 | c >> 16)) & mask
        c += b
        b = ((b - a) ^ (a << 19 | a >> 13)) & mask
        a = (a + c) & mask
        c = ((c - b) ^ (b << 4 | b >> 28)) & mask
        b = (b + a) & mask
    a, b, c = a + words[-3] & mask, b + words[-2] & mask, c + words[-1] & mask
    for turn in (14, 11, 25, 16, 4, 14, 24):  # the three take turns: c with b, a with c, b with a
        a, b, c = b, ((c ^ b) - (b << turn | b >> 32 - turn)) & mask, a
    return b


def parse_link(body: bytes) -> Link:
    """The link that a link message declares."""
    try:
        flags, place = body[1], 2
        is_hard = True
        if flags & 8:
            is_hard, place = body[place] == 0, place + 1
        place += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(body[place : place + width], "little")
        place += width
        name, rest = body[place : place + length], body[place + length :]
    except IndexError as error:
        raise TraceError("a link is damaged.") from error
    if body[0] != 1 or len(name) != length or (is_hard and len(rest) != 8):
        raise TraceError("a link is damaged.")
    return Link(name.decode("utf-8", "replace"), int.from_bytes(rest, "little") if is_hard else None)


def _split(raw: bytes, *, has_order: bool) -> Iterator[Message]:
    """The messages of one part of a header; less than one message at the end is a gap."""
    head = 6 if has_order else 4
    place = 0
    while place + head <= len(raw):
        kind, size, flags = struct.unpack_from("<BHB", raw, place)
        place += head
        if place + size > len(raw):
            raise TraceError("an object header is damaged.")
        if flags & _SHARED:
            raise TraceError("an object header shares a message with another one.")
        yield Message(kind, raw[place : place + size])
        place += size


def _heap_object(block: bytes, heap_id: bytes) -> bytes:
    kind, offset, length = _HEAP_ID.unpack(heap_id)
    if kind or offset < 21 or offset + length > len(block):
        raise TraceError("a heap is damaged.")
    return block[offset : offset + length]
