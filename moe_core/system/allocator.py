"""Tells glibc what becomes of large blocks that are freed: they go back to the system at once, or stay for the next."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt
_SMALL = 1 << 16
_LARGE = 1 << 25  # where glibc's own threshold ends after large blocks were freed
_MANY = 1 << 16  # maps that glibc makes at most, unless told otherwise


@contextmanager
def frugal_allocation() -> Iterator[None]:
    """While open, blocks of 64 KB and more are maps of their own, which go back to the system when they are freed.

    Loading a checkpoint of single experts copies every weight once: freed among others, those copies would stay. Does
    nothing where the C library is another one.
    """
    libc = _glibc()
    _set(libc, _SMALL)
    try:
        yield
    finally:
        _set(libc, _LARGE)


@contextmanager
def kept_allocation() -> Iterator[None]:
    """While open, what is freed stays for what is allocated next; then it goes back to the system.

    Each layer of a forward pass allocates the same blocks anew. From 32 MB on (the rows of 2,048 tokens' experts at
    width 512) they are maps of their own, whose pages the system clears each time: a quarter of a pass. Blocks of
    64 MB are that all the same in any thread but the first. Does nothing where the C library is another one.
    """
    libc = _glibc()
    _set(libc, -1, n_maps=0)
    try:
        yield
    finally:
        _set(libc, _LARGE)
        give_freed_back()


def give_freed_back() -> None:
    """Give the system back what was freed between what stays: glibc keeps it, however much it is."""
    if libc := _glibc():
        libc.malloc_trim(0)


def _set(libc: Any, threshold: int, n_maps: int = _MANY) -> None:
    if libc:
        libc.mallopt(_MMAP_MAX, n_maps)
        libc.mallopt(_MMAP_THRESHOLD, threshold)
        libc.mallopt(_TRIM_THRESHOLD, threshold * 2)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.mallopt and libc.malloc_trim else None
    except (OSError, AttributeError):  # musl has neither
        return None
