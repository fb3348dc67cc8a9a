"""Unfinished files are private, are gone in the end, and do not outlive a killed process for long."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from moe_core.system.temporary_folder import temporary_folder

HOLDS = """
import sys
from pathlib import Path
from moe_core.system.temporary_folder import temporary_folder
with temporary_folder("work-", Path(sys.argv[1])) as folder:
    (folder / "half").write_text("unfinished")
    print(folder.name, flush=True)
    sys.stdin.read()
"""

HURRIES = """
import sys
from pathlib import Path
from moe_core.system.temporary_folder import temporary_folder
for number in range(300):
    with temporary_folder("work-", Path(sys.argv[1])) as folder:
        (folder / "half").write_text(str(number))
        assert (folder / "half").read_text() == str(number)
"""


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that is at work in a folder of its own."""
    command = [sys.executable, "-c", HOLDS, str(parent)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, parent / process.stdout.readline().strip()


def test_the_folder_is_private_and_goes(tmp_path: Path) -> None:
    """Also when an error ends the work."""
    with temporary_folder("work-", tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "half").write_text("unfinished")
    assert not folder.exists()
    with pytest.raises(ValueError, match="no luck"), temporary_folder("work-", tmp_path):
        raise ValueError("no luck")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_dead_ones_are_swept_and_living_ones_are_not(tmp_path: Path) -> None:
    """By the next one of the same prefix; what has another name, or never was one, is left alone."""
    other = tmp_path / "work"
    foreign = tmp_path / "work-of-somebody"
    for made in (other, foreign):
        made.mkdir()
    (foreign / "letter").write_text("keep")
    unlocked = tmp_path / "work-killed-early"
    unlocked.mkdir()
    (tmp_path / "work-link").symlink_to(other)
    dead, left = holder(tmp_path)
    dead.kill()
    dead.communicate()
    assert (left / "half").exists()
    living, used = holder(tmp_path)
    with temporary_folder("work-", tmp_path):
        assert not left.exists()
        assert not unlocked.exists()
        assert (used / "half").exists()
    living.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["work", "work-link", "work-of-somebody"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX locks")
def test_many_at_once_do_not_sweep_each_other(tmp_path: Path) -> None:
    """Also not in the instants between making a folder and locking it."""
    command = [sys.executable, "-c", HURRIES, str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    assert list(tmp_path.iterdir()) == []
