"""What becomes of an earlier trace of the demo."""

import os
import shutil
from pathlib import Path

import pytest

from app.window.demo import demo_request, has_demo


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A demo folder that is older than any trace."""
    folder = tmp_path / "demo"
    (folder / "model").mkdir(parents=True)
    for name in ("model/model.safetensors", "quiz.csv"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    return folder


@pytest.fixture
def library(tmp_path: Path, trace_path: Path) -> Path:
    """A library with a complete trace under the demo's name."""
    folder = tmp_path / "traces"
    folder.mkdir()
    shutil.copy(trace_path, demo_request(folder).out)
    return folder


def test_a_complete_trace_is_opened_again(library: Path, demo: Path) -> None:
    """Nothing is recorded twice."""
    assert has_demo(library, demo)


def test_an_empty_library_has_no_demo(tmp_path: Path, demo: Path) -> None:
    """Not even the folder has to exist."""
    assert not has_demo(tmp_path / "nowhere", demo)


@pytest.mark.parametrize("changed", ["model/model.safetensors", "quiz.csv"])
def test_a_trace_older_than_the_demo_is_set_aside(library: Path, demo: Path, changed: str) -> None:
    """After model or quiz changed, the old trace is kept under another name."""
    (demo / changed).touch()
    os.utime(library / "demo.h5", (1, 1))
    assert not has_demo(library, demo)
    assert [path.name for path in library.iterdir()] == ["demo-1.h5"]


def test_an_unreadable_trace_takes_the_first_free_name(library: Path, demo: Path) -> None:
    """It is never deleted, and never written over another one."""
    (library / "demo-1.h5").write_text("mine")
    (library / "demo.h5").write_text("not a trace")
    assert not has_demo(library, demo)
    assert (library / "demo-1.h5").read_text() == "mine"
    assert (library / "demo-2.h5").read_text() == "not a trace"
