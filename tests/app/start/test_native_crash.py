"""A crash of the interpreter leaves a report that is offered once; processes that ended or were killed leave none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.start.native_crash import take_reports
from tests.command_line import ROOT


def run(folder: Path, end: str) -> int:
    """The exit code of a process that keeps a crash file and ends in this way."""
    code = "import sys\nfrom pathlib import Path\nfrom app.start.native_crash import CrashFile\n"
    code += f"file = CrashFile(Path(sys.argv[1]))\n{end}"
    return subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, stderr=subprocess.DEVNULL).returncode


def test_a_crash_is_offered_once(tmp_path: Path) -> None:
    """With the stack of the thread that crashed."""
    assert run(tmp_path, "import faulthandler\nfaulthandler._sigsegv()") != 0
    text = take_reports(tmp_path)
    assert "Segmentation fault" in text or "access violation" in text
    assert "File" in text
    assert take_reports(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["file.close()", "import os; os._exit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_other_ends_leave_nothing(tmp_path: Path, end: str) -> None:
    """Neither a good end nor a kill is a crash."""
    run(tmp_path, end)
    assert take_reports(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_file_is_private(tmp_path: Path) -> None:
    """A stack may name folders."""
    run(tmp_path / "new", "import os; os._exit(0)")
    (found,) = (tmp_path / "new").iterdir()
    assert found.stat().st_mode & 0o077 == 0


def test_a_living_process_keeps_its_file(tmp_path: Path) -> None:
    """A second window does not take the first one's."""
    (tmp_path / f"crash-{os.getpid()}.txt").write_text("still running")
    (tmp_path / "crash-notes.txt").write_text("somebody's own")
    assert take_reports(tmp_path) == ""
    assert len(list(tmp_path.iterdir())) == 2
