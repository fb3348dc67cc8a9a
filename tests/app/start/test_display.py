"""Runs the tests that need a display of their own, with a window manager, on one that nobody sees."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.display.virtual_display import missing_programs, virtual_display

FOLDER = Path(__file__).parents[1] / "display"


@pytest.mark.skipif(sys.platform != "linux", reason="X servers are for Linux")
@pytest.mark.slow
def test_the_window_under_a_window_manager() -> None:
    """Every test of the folder passes in a process of its own."""
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} not installed")
    with virtual_display() as environment:
        arguments = ["-q", "-p", "no:cacheprovider", "-n", "0", str(FOLDER)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            env=environment | {"MOESCOPE_TEST_DISPLAY": "1"},
            cwd=FOLDER.parents[2],
            capture_output=True,
            text=True,
            timeout=900,
        )
    assert done.returncode == os.EX_OK, done.stdout + done.stderr
    assert "skipped" not in done.stdout
