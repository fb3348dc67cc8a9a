"""Changes the HDF5 headers of a file and makes their checksums right again, as somebody with bad intent would."""

from contextlib import suppress
from pathlib import Path

from moe_core.errors import TraceError
from moe_core.traces.hdf5 import blocks, structure


class _Sealing(blocks.Hdf5Blocks):
    """Reads a structure and writes the right checksum behind every block that it meets."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def _block(self, address: int, n_bytes: int, what: str, begins: bytes = b"") -> bytes:
        body = self._read(address, n_bytes)[:-4]
        return self._sealed(address, body) if body.startswith(begins) else body

    def _sealed(self, address: int, body: bytes) -> bytes:
        raw = body + blocks.checksum(body).to_bytes(4, "little")
        with self._path.open("r+b") as file:
            file.seek(address)
            file.write(raw)
        return raw


def change_headers(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes that occur once in the file, and seal all headers; returns the path."""
    raw = path.read_bytes()
    assert raw.count(old) == 1, raw.count(old)
    path.write_bytes(raw.replace(old, new))
    seal(path)
    return path


def seal(path: Path) -> None:
    """Make every checksum of the headers right."""
    real = blocks.Hdf5Blocks
    structure.Hdf5Blocks = _Sealing  # type: ignore[misc]
    try:
        with suppress(TraceError):  # what was made wrong on purpose may end the walk; all before it is sealed
            structure.read_structure(path, lambda _: None)
    finally:
        structure.Hdf5Blocks = real  # type: ignore[misc]
