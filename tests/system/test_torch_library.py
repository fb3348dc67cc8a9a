"""The library behind torch: loaded before torch is imported, while other threads go on."""

import subprocess
import sys

import pytest

from moe_core.system import torch_library

PROGRAM = """
import sys
from moe_core.system.torch_library import load_torch_library
load_torch_library()
assert "torch" not in sys.modules
print("libtorch_cpu.so" in open("/proc/self/maps").read())
import torch
print(float(torch.ones(3).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="done on Linux alone")
def test_the_library_is_there_before_torch_and_torch_works_with_it() -> None:
    """Which then finds it loaded."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "3.0"], done.stderr[-2000:]


def test_without_torch_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports it says that it is not installed."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(torch_library, "find_spec", lambda name: None)
    torch_library.load_torch_library()
