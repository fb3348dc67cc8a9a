"""The HDF5 structure as moescope reads it is the one that the HDF5 library reads, and the library is not asked."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.errors import TraceError
from moe_core.traces.hdf5.blocks import checksum
from moe_core.traces.hdf5.structure import FoundDataset, read_structure
from tests.traces.copied_trace import copy_trace
from tests.traces.hdf5.sealed_headers import change_headers
from tests.traces.synthetic_run import SyntheticRun, create

ROOT = Path(__file__).resolve().parents[3]
RUNS = {
    "small": SyntheticRun(),
    "no prefix": SyntheticRun(n_prefixes=0, keeps_tokens=False),
    "wide": SyntheticRun(n_experts=300, top_k=5, n_questions=200),
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xDEADBEEF),
        (b"Four score and seven years ago", 0x17770551),  # the self-test of lookup3.c
    ],
)
def test_the_checksum_is_lookup3(data: bytes, expected: int) -> None:
    """Known values."""
    assert checksum(data) == expected


def by_h5py(path: Path) -> dict[str, FoundDataset]:
    """What the library says of every dataset."""
    found: dict[str, FoundDataset] = {}

    def look(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            dtype = f"S{item.dtype.itemsize}" if item.dtype.kind in "SO" else item.dtype.str.replace("|", "")
            found[name] = FoundDataset(item.shape, dtype, item.id.get_offset() or 0, item.id.get_storage_size())

    with h5py.File(path) as file:
        file.visititems(look)
    return found


@pytest.mark.parametrize("libver", ["v108", "v110", "v114", "latest"])
@pytest.mark.parametrize("run", RUNS)
def test_it_agrees_with_the_library(tmp_path: Path, run: str, libver: str) -> None:
    """Names, shapes, types, places and lengths, whichever version of the library wrote them."""
    own = create(tmp_path / "own.h5", RUNS[run])
    copy = copy_trace(own, tmp_path / "copy.h5", libver=libver)
    for path in (own, copy):
        with h5py.File(path) as file:
            expected = {name: np.asarray(value).item() for name, value in file.attrs.items()}
        structure = read_structure(path, lambda _: None)
        assert structure.datasets == by_h5py(path)
        assert structure.attributes == expected


def test_opening_needs_no_hdf5_library(tmp_path: Path) -> None:
    """So that no crash of it can end the program that opens a stranger's file."""
    path = create(tmp_path / "run.h5", RUNS["small"])
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from pathlib import Path\n"
        "from moe_core.traces.checking.check import verify\n"
        "print(verify(Path(sys.argv[1])).sound)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


def test_every_header_byte_is_under_a_checksum(tmp_path: Path) -> None:
    """A flipped bit anywhere in the headers is found."""
    path = create(tmp_path / "run.h5", RUNS["small"])
    raw = path.read_bytes()
    spans = read_structure(path, lambda _: None).headers
    rng = np.random.default_rng(0)
    for start, end in spans:
        place = int(rng.integers(start, end))
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1 << int(rng.integers(8))]) + raw[place + 1 :])
        with pytest.raises(TraceError):
            read_structure(path, lambda _: None)


def test_a_header_that_goes_on_in_itself_ends(tmp_path: Path) -> None:
    """A continuation that points to its own block is no endless loop."""
    path = create(tmp_path / "run.h5", RUNS["small"])
    raw = path.read_bytes()
    place, end = next(span for span in read_structure(path, lambda _: None).headers if raw[span[0] :][:4] == b"OCHK")
    loop = b"\x10\x10\0\0" + place.to_bytes(8, "little") + (end - place).to_bytes(8, "little")
    assert end - place >= 4 + len(loop) + 4
    change_headers(path, raw[place : place + 4 + len(loop)], raw[place : place + 4] + loop)
    with pytest.raises(TraceError, match=r"too many parts|larger than"):
        read_structure(path, lambda _: None)
