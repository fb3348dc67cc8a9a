"""Files made to look like traces that would read other files, fill the memory, hang or crash who opens them.

Each is a function that makes one in a folder; `canary.h5` and `canary.bin` there hold what must stay unread.
"""

import errno
import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np

from moe_core.traces.checking.check import check_structure
from moe_core.traces.hdf5.blocks import checksum
from moe_core.traces.hdf5.structure import read_structure
from moe_core.traces.layout import Segments, covered_rows
from moe_core.traces.writing.creation import create_trace
from tests.traces.copied_trace import Replacement, copy_trace, with_values
from tests.traces.hdf5.sealed_headers import change_headers, seal
from tests.traces.synthetic_run import SyntheticRun, create, record

MakeFile = Callable[[Path], Path]
HOSTILE: dict[str, MakeFile] = {}
_ONE = "answers/weights"


def _hostile(make: MakeFile) -> MakeFile:
    HOSTILE[make.__name__] = make
    return make


def make_canaries(folder: Path) -> list[Path]:
    """A sound trace, and other people's files that hostile ones point to."""
    good = record(folder / "good.h5", SyntheticRun())
    (folder / "canary.bin").write_bytes(b"root:x:0:0:" * 10_000)
    (folder / "canary.h5").write_bytes(good.read_bytes())
    return [folder / "canary.bin", folder / "canary.h5"]


def _replacing(name: str, make: Callable[[h5py.File, h5py.Dataset, Path], None], dataset: str = _ONE) -> None:
    """A hostile file in which one dataset is made in another way."""

    def make_file(folder: Path) -> Path:
        def replacement(copy: h5py.File, _: str, original: h5py.Dataset) -> None:
            make(copy, original, folder)

        replaced: dict[str, Replacement] = {dataset: replacement}
        return copy_trace(folder / "good.h5", folder / f"{name}.h5", replaced=replaced)

    HOSTILE[name] = make_file


def _changing(name: str, change: Callable[[h5py.File, Path], None]) -> None:
    """A hostile file that differs by one change."""
    HOSTILE[name] = lambda folder: copy_trace(
        folder / "good.h5", folder / f"{name}.h5", changed=lambda copy: change(copy, folder)
    )


# Other files.
def _external(copy: h5py.File, original: h5py.Dataset, folder: Path) -> None:
    copy.create_dataset(
        _ONE, original.shape, original.dtype, external=[(str(folder / "canary.bin"), 0, original.nbytes)]
    )


def _virtual(copy: h5py.File, original: h5py.Dataset, folder: Path) -> None:
    layout = h5py.VirtualLayout(original.shape, original.dtype)
    layout[...] = h5py.VirtualSource(str(folder / "canary.h5"), _ONE, original.shape)
    copy.create_virtual_dataset(_ONE, layout)


def _external_link(copy: h5py.File, original: h5py.Dataset, folder: Path) -> None:
    copy[_ONE] = h5py.ExternalLink(str(folder / "canary.h5"), _ONE)


_replacing("external_storage", _external)
_replacing("virtual_dataset", _virtual)
_replacing("external_link", _external_link)
_replacing("soft_link", lambda copy, _, __: copy.__setitem__(_ONE, h5py.SoftLink("/answers/experts")))
_replacing("dangling_link", lambda copy, _, __: copy.__setitem__(_ONE, h5py.SoftLink("/nowhere")))


def _swap_group(copy: h5py.File, link: object) -> None:
    del copy["answers"]
    copy["answers"] = link


_changing(
    "external_group", lambda copy, folder: _swap_group(copy, h5py.ExternalLink(str(folder / "canary.h5"), "/answers"))
)
_changing("soft_group", lambda copy, _: _swap_group(copy, h5py.SoftLink("/question_sums")))
_changing("soft_link_to_itself", lambda copy, _: _swap_group(copy, h5py.SoftLink("/answers")))


# Types.
_TYPES: dict[str, object] = {
    "object_reference": h5py.ref_dtype,
    "region_reference": h5py.regionref_dtype,
    "variable_length_text": h5py.string_dtype(),
    "variable_length_numbers": h5py.vlen_dtype(np.dtype("u1")),
    "compound": np.dtype([("a", "u1"), ("b", "u1")]),
    "enumeration": h5py.enum_dtype({"a": 1}, "i2"),
    "opaque": np.dtype("V2"),
    "array_type": np.dtype(("<f2", (1,))),
    "big_endian": np.dtype(">f2"),
    "double": np.dtype("<f8"),
    "complex": np.dtype("<c8"),
    "boolean": np.dtype("?"),
}


def _typed(dtype: object) -> Callable[[h5py.File, h5py.Dataset, Path], None]:
    def make(copy: h5py.File, original: h5py.Dataset, _: Path) -> None:
        kind = h5py.h5t.py_create(dtype, logical=True)
        space = h5py.h5s.create_simple(original.shape)
        h5py.h5d.create(copy.require_group("answers").id, b"weights", kind, space)

    return make


for _name, _dtype in _TYPES.items():
    _replacing(_name, _typed(_dtype))


def _named_type(copy: h5py.File, original: h5py.Dataset, _: Path) -> None:
    copy["answers/kind"] = np.dtype("<f2")
    copy.create_dataset(_ONE, data=original[()], dtype=copy["answers/kind"])


_replacing("shared_type", _named_type)


# Bombs.
def _gzip_bomb(copy: h5py.File, original: h5py.Dataset, _: Path) -> None:
    bomb = copy.create_dataset(_ONE, (2**28,), "<f2", chunks=(2**24,), compression="gzip")
    bomb[: 2**24] = 0


_replacing("compression_bomb", _gzip_bomb)
_replacing(
    "fletcher32", lambda copy, original, _: copy.create_dataset(_ONE, data=original[()], chunks=True, fletcher32=True)
)
_replacing(
    "unlimited", lambda copy, original, _: copy.create_dataset(_ONE, original.shape, "<f2", maxshape=(None,) * 3)
)


def _with_text(text: bytes) -> Replacement:
    def make(copy: h5py.File, name: str, _: h5py.Dataset) -> None:
        copy.create_dataset(name, data=np.bytes_(text), dtype=h5py.string_dtype("utf-8", len(text)))

    return make


_TEXTS = {
    "nested_specification": b"[" * 2_000_000,
    "nested_objects": b'{"a":' * 200_000,
    "huge_number": b'{"model": 1' + b"0" * 2_000_000 + b"}",
    "wide_specification": b"[" + b"0," * 7_000_000 + b"0]",
    "too_long_specification": b" " * (17 * 2**20),
    "no_object": b'"a trace"',
    "lists_of_layers": b'{"model": {"layers": "many"}}',
}
for _name, _text in _TEXTS.items():
    HOSTILE[_name] = lambda folder, name=_name, text=_text: copy_trace(  # type: ignore[misc]  # a default, not a parameter
        folder / "good.h5", folder / f"{name}.h5", replaced={"specification": _with_text(text)}
    )


def _claiming(name: str, key: str, value: object) -> None:
    """A hostile file whose specification claims another size of the model."""

    def make(folder: Path) -> Path:
        with h5py.File(folder / "good.h5") as good:
            content = json.loads(good["specification"][()])
        content["model"][key] = value
        text = json.dumps(content).encode()
        replaced = {"specification": _with_text(text)}
        return copy_trace(folder / "good.h5", folder / f"{name}.h5", replaced=replaced)

    HOSTILE[name] = make


_claiming("many_experts", "n_experts", 2**62)
_claiming("negative_experts", "n_experts", -1)
_claiming("experts_as_text", "n_experts", "8")
_claiming("experts_as_truth", "n_experts", True)
_claiming("many_layers", "layers", list(range(1_000_000)))
_claiming("layers_of_lists", "layers", [[]] * 3)
_claiming("huge_top_k", "top_k", 10**30)
_claiming("name_as_number", "name", 5)
_claiming("name_of_a_megabyte", "name", "x" * 2**20)


def _sparse(path: Path, run: SyntheticRun) -> Path:
    """A trace whose rows were never written; its file is mostly holes."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "holes are wanted")

    with patch.object(os, "posix_fallocate", refuse):
        return create(path, run)


_LARGE = SyntheticRun(n_questions=2000, n_prefixes=0, n_layers=100, n_experts=4000, keeps_tokens=False, mean_tokens=2)


@_hostile
def shape_bomb_of_holes(folder: Path) -> Path:
    """Gigabytes of rows that were never written."""
    return _sparse(folder / "shape_bomb_of_holes.h5", _LARGE)


@_hostile
def shape_bomb_with_words(folder: Path) -> Path:
    """Gigabytes of rows that are all zeros, each with a right checksum."""
    path = _sparse(folder / "shape_bomb_with_words.h5", _LARGE)
    layout = check_structure(path)
    crc = 0
    for dataset in covered_rows(layout.dimensions, Segments.QUESTIONS):
        row = b"\1" if dataset.name == "answers/status" else bytes(dataset.row_bytes)
        crc = zlib.crc32(row, crc)
    with path.open("r+b") as file:
        for name, row in (("answers/status", b"\1"), (Segments.QUESTIONS.crc, struct.pack("<I", crc))):
            file.seek(layout.extents[name].offset)
            file.write(row * layout.dimensions.n_questions)
    return path


@_hostile
def static_bomb_of_holes(folder: Path) -> Path:
    """Texts of four gigabytes that were never written."""
    path = copy_trace(folder / "good.h5", folder / "static_bomb_of_holes.h5")
    size = 4 * 2**30
    layout = check_structure(path)
    extent = layout.extents["vocabulary/text"]
    old, at = extent.dataset.n_bytes, extent.offset
    place = path.stat().st_size
    _rewrite_space(path, "vocabulary/text", old, size)
    os.truncate(path, place + size)
    _rewrite(path, struct.pack("<QQ", at, old), struct.pack("<QQ", place, size))
    return path


@_hostile
def shape_bomb_in_a_header(folder: Path) -> Path:
    """A dataset of 2^62 rows in a file of 20 kilobytes."""
    path = copy_trace(folder / "good.h5", folder / "shape_bomb_in_a_header.h5")
    _rewrite_space(path, "tokens/id", check_structure(path).dimensions.n_tokens, 2**62)
    return path


def _rewrite(path: Path, old: bytes, new: bytes) -> None:
    raw = path.read_bytes() if path.stat().st_size < 2**24 else _head(path)
    assert raw.count(old) == 1, raw.count(old)
    with path.open("r+b") as file:
        file.seek(raw.index(old))
        file.write(new)
    seal(path)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2**24)


def _rewrite_space(path: Path, name: str, old: int, new: int) -> None:
    """Change the length of a one-dimensional dataset, where its header says it (twice, as it may not grow)."""
    raw = _head(path)
    with h5py.File(path) as file:
        address = h5py.h5o.get_info(file[name].id).addr
    place = raw.index(struct.pack("<Q", old), address)
    with path.open("r+b") as file_:
        file_.seek(place)
        file_.write(struct.pack("<Q", new))
        if raw[place + 8 : place + 16] == struct.pack("<Q", old):
            file_.write(struct.pack("<Q", new))
    seal(path)


# Structure.
def _deep(copy: h5py.File, _: Path) -> None:
    group = copy.create_group("questions/deep")
    for _level in range(300):
        group = group.create_group("d")


_changing("deep_groups", _deep)
_changing("cycle", lambda copy, _: copy.__setitem__("questions/root", copy["/"]))
_changing("root_in_itself", lambda copy, _: copy.__setitem__("root", copy["/"]))
_changing("many_objects", lambda copy, _: [copy.create_group(f"g{number}") for number in range(3000)] and None)
_changing("many_links", lambda copy, _: [copy.__setitem__(f"q{n}", h5py.SoftLink("/x")) for n in range(60)] and None)
_changing("long_name", lambda copy, _: copy.create_group("n" * 60_000) and None)
_changing("huge_attribute", lambda copy, _: copy.attrs.__setitem__("format", np.zeros(30_000, "u1")))
_changing("many_attributes", lambda copy, _: [copy.attrs.__setitem__(f"a{n}", 1) for n in range(500)] and None)
_changing("attribute_reference", lambda copy, _: copy.attrs.__setitem__("format", copy.ref))
_changing("dataset_attribute", lambda copy, _: copy["questions/gold"].attrs.__setitem__("note", "x"))


def _two_names(copy: h5py.File, _: Path) -> None:
    del copy["question_sums/full_entropy_sum"]
    copy["question_sums/full_entropy_sum"] = copy["question_sums/topk_entropy_sum"]


_changing("two_names", _two_names)


@_hostile
def overlapping_extents(folder: Path) -> Path:
    """Two datasets on the same bytes."""
    path = copy_trace(folder / "good.h5", folder / "overlapping_extents.h5")
    extents = check_structure(path).extents
    other = struct.pack("<Q", extents["answers/router_probs"].offset + 8)
    return change_headers(path, struct.pack("<Q", extents[_ONE].offset), other)


@_hostile
def extent_over_the_headers(folder: Path) -> Path:
    """Rows that would be written over the structure."""
    path = copy_trace(folder / "good.h5", folder / "extent_over_the_headers.h5")
    extents = check_structure(path).extents
    return change_headers(path, struct.pack("<Q", extents[_ONE].offset), struct.pack("<Q", 40))


@_hostile
def extent_near_the_largest_number(folder: Path) -> Path:
    """An address that overflows when a length is added."""
    path = copy_trace(folder / "good.h5", folder / "extent_near_the_largest_number.h5")
    extents = check_structure(path).extents
    return change_headers(path, struct.pack("<Q", extents[_ONE].offset), struct.pack("<Q", 2**64 - 2))


@_hostile
def header_that_goes_on_in_itself(folder: Path) -> Path:
    """A continuation block that continues with itself."""
    path = copy_trace(folder / "good.h5", folder / "header_that_goes_on_in_itself.h5")
    raw = path.read_bytes()
    start, end = next(span for span in read_structure(path, lambda _: None).headers if raw[span[0] :][:4] == b"OCHK")
    loop = b"\x10\x10\0\0" + struct.pack("<QQ", start, end - start)
    body = b"OCHK" + loop + bytes(max(0, end - start - 4 - len(loop) - 4))
    changed = raw[:start] + body + struct.pack("<I", checksum(body)) + raw[start + len(body) + 4 :]
    path.write_bytes(changed)
    return path


@_hostile
def huge_header(folder: Path) -> Path:
    """A header that says it is four gigabytes long."""
    path = create(folder / "huge_header.h5", SyntheticRun())
    raw = bytearray(path.read_bytes())
    raw[48 + 5] = (raw[48 + 5] & ~3) | 3
    raw[48 + 10 : 48 + 18] = struct.pack("<Q", 2**32)
    path.write_bytes(raw)
    return path


@_hostile
def root_behind_the_end(folder: Path) -> Path:
    """A superblock that points nowhere."""
    path = create(folder / "root_behind_the_end.h5", SyntheticRun())
    raw = path.read_bytes()
    block = raw[:36] + struct.pack("<Q", 2**63)
    path.write_bytes(block + struct.pack("<I", checksum(block)) + raw[48:])
    return path


@_hostile
def user_block(folder: Path) -> Path:
    """Bytes of another program before the HDF5 file."""
    path = folder / "user_block.h5"
    path.write_bytes(b"#!/bin/sh\n".ljust(512, b"\0") + (folder / "good.h5").read_bytes())
    return path


@_hostile
def a_pipe(folder: Path) -> Path:
    """Something that never ends, or never begins."""
    os.mkfifo(folder / "a_pipe.h5")
    return folder / "a_pipe.h5"


@_hostile
def many_questions(folder: Path) -> Path:
    """More questions than any quiz has, in one byte each."""
    return copy_trace(
        folder / "good.h5",
        folder / "many_questions.h5",
        replaced={"questions/id": lambda copy, name, _: _many_ids(copy, name)},
    )


def _many_ids(copy: h5py.File, name: str) -> None:
    kind = h5py.h5t.py_create(h5py.string_dtype("utf-8", 2), logical=True)
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    group, leaf = copy.require_group(name.partition("/")[0]), name.partition("/")[2].encode()
    h5py.h5d.create(group.id, leaf, kind, h5py.h5s.create_simple((2**27,)), creation)


def _offsets(values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(values)) == 1, np.iinfo(values.dtype).max, values)


for _name in ("questions/content_offset", "questions/token_offset", "prefixes/token_offset", "vocabulary/text_offset"):
    HOSTILE[f"wild {_name.replace('/', ' ')}"] = lambda folder, name=_name: copy_trace(  # type: ignore[misc]
        folder / "good.h5", folder / f"wild_{name.replace('/', '_')}.h5", replaced={name: with_values(_offsets)}
    )


@_hostile
def compiled_text(folder: Path) -> Path:
    """A question whose text is no JSON but Python."""
    path = folder / "compiled_text.h5"
    run = SyntheticRun()
    create_trace(path, run.specification, replace(run.tokenised), run.token_texts)
    extent = check_structure(path).extents["questions/content"]
    code = b"__import__('os').system('touch executed')"
    with path.open("r+b") as file:
        file.seek(extent.offset)
        file.write(code.ljust(extent.dataset.n_bytes)[: extent.dataset.n_bytes])
    return path
