"""Files at given places, as systems do it that are not here: macOS, whose calls are played by stand-ins."""

import errno
import os
import sys
from pathlib import Path

import pytest

from moe_core.system import positioned_file
from moe_core.system.positioned_file import PositionedFile


def test_no_call_asks_for_more_than_a_system_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS refuses a call of more than 2 GiB as a whole; what is read and written is whole all the same."""
    most, asked, pread, pwrite = 1000, [], os.pread, os.pwrite

    def refusing_read(fd: int, count: int, offset: int) -> bytes:
        asked.append(count)
        if count > most:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return pread(fd, count, offset)

    def refusing_write(fd: int, data: memoryview, offset: int) -> int:
        asked.append(len(data))
        if len(data) > most:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pread", refusing_read)
    monkeypatch.setattr(os, "pwrite", refusing_write)
    assert positioned_file._MOST_AT_ONCE < 2**31
    monkeypatch.setattr(positioned_file, "_MOST_AT_ONCE", most)
    path, data = tmp_path / "file", bytes(range(256)) * 10
    path.touch()
    with PositionedFile(path, writable=True) as file:
        file.write(5, data)
        assert file.read(5, len(data)) == data
        assert file.read(5, 2 * len(data)) == data
    assert max(asked) == most


@pytest.mark.skipif(sys.platform != "linux", reason="plays macOS")
@pytest.mark.parametrize(("refused", "fails"), [(0, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_macos_writes_through_where_its_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int, fails: bool
) -> None:
    """Else as far as it can; a disk that fails is an error."""
    import fcntl

    done: list[str] = []

    def full_sync(fd: int, command: int) -> None:
        assert command == 51
        if refused:
            raise OSError(refused, os.strerror(refused))
        done.append("full")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", full_sync)
    monkeypatch.setattr(os, "fsync", lambda fd: done.append("plain"))
    path = tmp_path / "file"
    path.touch()
    with PositionedFile(path, writable=True) as file:
        if fails:
            with pytest.raises(OSError, match="Input/output error"):
                file.sync()
        else:
            file.sync()
    assert done == ([] if fails else ["plain"] if refused else ["full"])


@pytest.mark.skipif(sys.platform != "linux", reason="plays macOS")
def test_macos_gets_no_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot set space aside, and a partial trace that is mostly holes would be refused when it is opened."""
    written, pwrite, size = set(), os.pwrite, (5 << 20) // 2 + 3

    def noted(fd: int, data: memoryview, offset: int) -> int:
        written.update(range(offset // 4096, (offset + len(data) - 1) // 4096 + 1))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(os, "pwrite", noted)
    path = tmp_path / "file"
    path.touch()
    with PositionedFile(path, writable=True) as file:
        file.reserve(size)
    assert path.stat().st_size == size
    assert written == set(range((size - 1) // 4096 + 1))
