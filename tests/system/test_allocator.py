"""What becomes of large blocks that are freed."""

import ctypes
import platform
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from moe_core.system.allocator import frugal_allocation, kept_allocation

BLOCK = 48 << 20
PAGES = BLOCK // resource.getpagesize()
PR_SET_THP_DISABLE = 41
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not told anything")


@pytest.fixture(autouse=True)
def _no_huge_pages() -> Iterator[None]:
    """Where the system gives whole megabytes at once, as some do by default, there is a fault for 512 pages."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    yield
    prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)


def faults_of_a_block() -> int:
    """Pages that the system had to find and clear for a large block, which is freed again."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    bytearray(BLOCK)[:: resource.getpagesize()]
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def resident() -> int:
    """Pages of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])


def test_kept_blocks_are_used_again_and_go_back_at_the_end() -> None:
    """While allocation is kept, a block that was freed costs no page the next time; afterwards none is left."""
    with kept_allocation():
        pass  # what other tests have freed goes back to the system, too
    before = resident()
    with kept_allocation():
        faults_of_a_block()
        assert faults_of_a_block() < PAGES / 8
        assert resident() - before > PAGES / 2
    assert resident() - before < PAGES / 8
    assert faults_of_a_block() > PAGES / 2


def test_frugal_blocks_go_back_at_once() -> None:
    """While allocation is frugal, nothing of a freed block stays."""
    before = resident()
    with frugal_allocation():
        faults_of_a_block()
        assert resident() - before < PAGES / 8
