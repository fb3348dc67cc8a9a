"""Keeps what is allocated for a moment from staying: glibc hands large blocks back at once only if it is told to."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt
_SMALL = 1 << 16
_LARGE = (
    1 << 25
)  # where glibc's own threshold ends after large blocks were freed: fast for what is allocated all the time


@contextmanager
def frugal_allocation() -> Iterator[None]:
    """While open, blocks of 64 KB and more are maps of their own, which go back to the system when they are freed.

    Loading a checkpoint of single experts copies every weight once: freed among others, those copies would stay. Does
    nothing where the C library is another one.
    """
    _set(_SMALL)
    try:
        yield
    finally:
        _set(_LARGE)


def _set(threshold: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return
    mallopt(_MMAP_THRESHOLD, threshold)
    mallopt(_TRIM_THRESHOLD, 2 * threshold)
