"""A file made to look like a trace is refused before anything that it points to is read."""

import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.errors import TraceError
from moe_core.traces.checking.check import check_structure
from tests.traces.copied_trace import Replacement, copy_trace, with_values
from tests.traces.hdf5.sealed_headers import change_headers
from tests.traces.synthetic_run import SyntheticRun, record


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete trace; not to be changed."""
    return record(tmp_path_factory.mktemp("good") / "run.h5", SyntheticRun())


def external(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """The bytes lie in another file."""
    copy.create_dataset(name, original.shape, original.dtype, external=[("/etc/hostname", 0, original.nbytes)])


def virtual(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """The bytes lie in another HDF5 file."""
    layout = h5py.VirtualLayout(original.shape, original.dtype)
    layout[...] = h5py.VirtualSource("other.h5", name, original.shape)
    copy.create_virtual_dataset(name, layout)


def chunked(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """Chunks, not one extent."""
    copy.create_dataset(name, data=original[()], chunks=original.shape)


def compressed(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """A small file that unpacks to a large array."""
    copy.create_dataset(name, data=original[()], compression="gzip")


def big_endian(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """The same numbers, other bytes."""
    copy.create_dataset(name, data=original[()].astype(original.dtype.newbyteorder(">")))


def too_long(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """One row more than there are questions."""
    copy.create_dataset(name, data=np.concatenate([original[()], original[:1]]))


def soft_link(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """A name for another dataset."""
    copy[name] = h5py.SoftLink("/answers/experts")


def external_link(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """A name for a dataset of another file."""
    copy[name] = h5py.ExternalLink("/etc/hostname", name)


def variable_length(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """Text in the file's heap."""
    copy.create_dataset(name, data=["x"] * len(original), dtype=h5py.string_dtype())


def compound(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """Records instead of numbers."""
    copy.create_dataset(name, shape=original.shape, dtype=[("a", "u1"), ("b", "u1")])


def a_group(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """A group where a dataset belongs."""
    copy.create_group(name)


def missing(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
    """Nothing at all."""


@pytest.mark.parametrize(
    "replacement",
    [
        *(external, virtual, chunked, compressed, big_endian, too_long, soft_link, external_link, variable_length),
        *(compound, a_group, missing),
    ],
)
def test_unlike_datasets_are_refused(good: Path, tmp_path: Path, replacement: Replacement) -> None:
    """The sentence names the dataset, and nothing outside the file is read."""
    bad = copy_trace(good, tmp_path / "bad.h5", replaced={"answers/weights": replacement})
    with pytest.raises(TraceError, match="answers/weights"):
        check_structure(bad)


def add_dataset(copy: h5py.File) -> None:
    """One more."""
    copy["questions/extra"] = np.zeros(3)


def add_group(copy: h5py.File) -> None:
    """A group inside a group."""
    copy.create_group("questions/extra/deep")


def add_cycle(copy: h5py.File) -> None:
    """The root inside itself."""
    copy["questions/root"] = copy["/"]


def add_attribute(copy: h5py.File) -> None:
    """An attribute on a dataset."""
    copy["questions/gold"].attrs["note"] = "x"


def add_root_attribute(copy: h5py.File) -> None:
    """An attribute too many."""
    copy.attrs["note"] = 1


def many_objects(copy: h5py.File) -> None:
    """A header bomb in small."""
    for number in range(100):
        copy[f"extra{number}"] = 1


def same_bytes_twice(copy: h5py.File) -> None:
    """Two names for the same extent."""
    del copy["question_sums/full_entropy_sum"]
    copy["question_sums/full_entropy_sum"] = copy["question_sums/topk_entropy_sum"]


@pytest.mark.parametrize(
    "change",
    [add_dataset, add_group, add_cycle, add_attribute, add_root_attribute, many_objects, same_bytes_twice],
)
def test_unlike_files_are_refused(good: Path, tmp_path: Path, change: Callable[[h5py.File], None]) -> None:
    """Whatever else a file holds, it is not a trace."""
    with pytest.raises(TraceError, match="is damaged or no trace"):
        check_structure(copy_trace(good, tmp_path / "bad.h5", changed=change))


def first_moved(values: np.ndarray) -> np.ndarray:
    """An offset that does not begin where it should."""
    return np.where(np.arange(len(values)) == 0, values[0] + 1, values)


def falling(values: np.ndarray) -> np.ndarray:
    """Offsets that go back."""
    return np.where(np.arange(len(values)) == 1, values[2] + 1, values)


def huge(values: np.ndarray) -> np.ndarray:
    """The largest number of the type."""
    return np.where(np.arange(len(values)) == 1, np.iinfo(values.dtype).max, values)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("questions/content_offset", first_moved),
        ("questions/content_offset", falling),
        ("questions/content_offset", huge),
        ("questions/token_offset", first_moved),
        ("questions/token_offset", falling),
        ("prefixes/token_offset", huge),
        ("vocabulary/text_offset", falling),
        ("questions/prefix", huge),
        ("questions/gold", huge),
        ("questions/n_choices", huge),
        ("questions/id", lambda ids: np.full_like(ids, ids[0])),
        ("questions/subject", lambda subjects: np.full_like(subjects, b"\xff")),
        ("specification", lambda text: text.replace(b'"top_k": 2', b'"top_k": 9')),
        ("specification", lambda text: text.replace(b'"n_questions": 6', b'"n_questions": 7')),
        ("specification", lambda text: text.replace(b"{", b"[", 1)),
        ("specification", lambda text: b"[" * len(text)),
    ],
)
def test_impossible_static_values_are_refused(
    good: Path, tmp_path: Path, name: str, change: Callable[[object], object]
) -> None:
    """A right checksum does not make an offset right."""
    bad = copy_trace(good, tmp_path / "bad.h5", replaced={name: with_values(change)})
    with pytest.raises(TraceError, match="is damaged or no trace"):
        check_structure(bad)


@pytest.mark.parametrize(("place", "reason"), [("end", "ends behind the end"), ("other", "overlap"), ("0", "overlap")])
def test_wrong_extents_are_refused(good: Path, tmp_path: Path, place: str, reason: str) -> None:
    """An extent past the end of the file, upon another one, or upon the headers."""
    bad = copy_trace(good, tmp_path / "bad.h5")
    extents = check_structure(bad).extents
    target = {"end": bad.stat().st_size - 2, "other": extents["answers/router_probs"].offset + 8, "0": 40}[place]
    old = struct.pack("<Q", extents["answers/weights"].offset)
    change_headers(bad, old, struct.pack("<Q", target))
    with pytest.raises(TraceError, match=reason):
        check_structure(bad)


def test_old_headers_without_checksums_are_refused(good: Path, tmp_path: Path) -> None:
    """HDF5's first kind of header has none, so that damage in it would go unnoticed."""
    old = copy_trace(good, tmp_path / "old.h5", libver="earliest")
    with pytest.raises(TraceError, match="without checksums"):
        check_structure(old)
