"""What becomes of large blocks that are freed."""

import platform
import resource
from pathlib import Path

import pytest

from moe_core.system.allocator import frugal_allocation, kept_allocation

BLOCK = 48 << 20
PAGES = BLOCK // resource.getpagesize()
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not told anything")


def faults_of_a_block() -> int:
    """Pages that the system had to find and clear for a large block, which is freed again."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(BLOCK)[:: resource.getpagesize()]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


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
