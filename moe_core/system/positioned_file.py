"""A file read and written at given places; on systems without pread and pwrite, by seeking under a lock.

All input and output on traces goes through here, so that a test can let any single operation fail.
"""

import errno
import os
import sys
import threading
from pathlib import Path

from moe_core.system.closing import Closing

_HAS_POSITIONED_IO = hasattr(os, "pread") and hasattr(os, "pwrite")
_MOST_AT_ONCE = 1 << 30
"""Bytes of one call: macOS refuses more than 2 GiB, where Linux does a part of it."""
_ZEROS = memoryview(bytes(1 << 20))
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}
_CANNOT_SYNC_FULLY = {*_CANNOT_RESERVE, errno.ENOTTY}
"""Not every file system of macOS knows F_FULLFSYNC, those of a network least."""


class PositionedFile(Closing):
    """One open file; reads may come from several threads. Every method raises OSError when the system does."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        flags = (os.O_RDWR if writable else os.O_RDONLY) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(path, flags)
        self._seek_lock = threading.Lock()

    def close(self) -> None:
        """Let go of the file; harmless when repeated."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def identity(self) -> tuple[int, int, int]:
        """Device, inode and size: another file under the same name differs here."""
        return identity_of(os.fstat(self._fd))

    def allocated_bytes(self) -> int:
        """Bytes that really lie on the disk: fewer than the size where the file has holes (where systems tell)."""
        status = os.fstat(self._fd)
        return getattr(status, "st_blocks", -(-status.st_size // 512)) * 512

    def read(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`; fewer where the file ends before."""
        first = self._read_some(offset, count)
        if len(first) in (0, count):
            return first
        parts, done = [first], len(first)
        while done < count and (part := self._read_some(offset + done, count - done)):
            parts.append(part)
            done += len(part)
        return b"".join(parts)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Put all of `data` at `offset`; it is durable only after `sync`."""
        view = memoryview(data)
        while view:
            written = self._write_some(offset, view)
            offset += written
            view = view[written:]

    def reserve(self, size: int) -> None:
        """Make the file `size` bytes long, with the space on disk set aside where the system can do that."""
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self._fd, 0, size)
                return
            except OSError as error:
                if error.errno not in _CANNOT_RESERVE:
                    raise
        elif sys.platform == "darwin":  # where a file that is only made longer has holes; Windows fills them itself
            for place in range(0, size, len(_ZEROS)):
                self.write(place, _ZEROS[: size - place])
        os.ftruncate(self._fd, size)

    def sync(self) -> None:
        """Return once everything written is on the disk."""
        if sys.platform == "darwin":
            import fcntl

            try:
                fcntl.fcntl(self._fd, fcntl.F_FULLFSYNC)  # fsync leaves data in the drive's cache there
            except OSError as error:
                if error.errno not in _CANNOT_SYNC_FULLY:
                    raise
                os.fsync(self._fd)
        elif hasattr(os, "fdatasync"):
            os.fdatasync(self._fd)
        else:
            os.fsync(self._fd)

    def _read_some(self, offset: int, count: int) -> bytes:
        count = min(count, _MOST_AT_ONCE)
        if _HAS_POSITIONED_IO:
            return os.pread(self._fd, count, offset)
        with self._seek_lock:
            os.lseek(self._fd, offset, os.SEEK_SET)
            return os.read(self._fd, count)

    def _write_some(self, offset: int, data: memoryview) -> int:
        data = data[:_MOST_AT_ONCE]
        if _HAS_POSITIONED_IO:
            return os.pwrite(self._fd, data, offset)
        with self._seek_lock:
            os.lseek(self._fd, offset, os.SEEK_SET)
            return os.write(self._fd, data)


def identity_of(status: os.stat_result) -> tuple[int, int, int]:
    """Device, inode and size of a file."""
    return status.st_dev, status.st_ino, status.st_size


def sync_directory(path: Path) -> None:
    """Make a name just created in this directory durable, where directories can be synced."""
    if os.name != "posix":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
