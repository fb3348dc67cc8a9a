"""A trace appears whole or not at all, and never in place of another file."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.errors import TraceError
from moe_core.system.positioned_file import PositionedFile
from moe_core.traces.reader import open_trace
from moe_core.traces.writing import creation
from moe_core.traces.writing.creation import create_trace
from tests.traces.synthetic_run import SyntheticRun, create

RUN = SyntheticRun()


def visible(folder: Path) -> set[str]:
    """What a creation left behind, its lock file aside."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    """Whatever lies at the path stays as it is."""
    path = tmp_path / "run.h5"
    path.write_bytes(b"somebody's work")
    with pytest.raises(TraceError, match="exists already"):
        create(path, RUN)
    assert path.read_bytes() == b"somebody's work"
    assert visible(tmp_path) == {"run.h5"}


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that knows nothing of the lock makes the file after the check: it wins."""
    path = tmp_path / "run.h5"
    monkeypatch.setattr(creation, "_check_free_space", lambda path, _: path.write_bytes(b"theirs"))
    with pytest.raises(TraceError, match="exists already"):
        create(path, RUN)
    assert path.read_bytes() == b"theirs"
    assert visible(tmp_path) == {"run.h5"}


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that has none, the file is renamed into place."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    with open_trace(create(tmp_path / "run.h5", RUN)) as trace:
        assert trace.n_questions == RUN.n_questions
    assert visible(tmp_path) == {"run.h5"}


def test_a_disk_too_small_is_noticed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what is needed and what is there; nothing is left behind."""
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(TraceError, match=r"run\.h5 needs 1 MB and .* has 0 MB free"):
        create(tmp_path / "new" / "folder" / "run.h5", RUN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("operation", ["reserve", "write", "sync"])
def test_a_disk_that_fills_up_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """One sentence, and nothing is left behind."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PositionedFile, operation, refuse)
    with pytest.raises(TraceError, match=r"cannot be created [(]No space left"):
        create(tmp_path / "run.h5", RUN)
    assert visible(tmp_path) == set()


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    """With those above it."""
    create(tmp_path / "deep" / "er" / "run.h5", RUN)
    assert visible(tmp_path / "deep" / "er") == {"run.h5"}


def test_what_a_killed_creation_left_is_swept(tmp_path: Path) -> None:
    """The next creation of the same name removes it; other names stay."""
    for name in (".run.h5.creating-abc", ".other.h5.creating-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "new.h5").write_bytes(b"half")
    create(tmp_path / "run.h5", RUN)
    assert visible(tmp_path) == {"run.h5", ".other.h5.creating-abc"}


def test_all_space_is_set_aside(tmp_path: Path) -> None:
    """The file has its final size from the start, and no holes where the system can promise that."""
    path = create(tmp_path / "run.h5", RUN)
    with h5py.File(path) as file:
        weights = file["tokens/weights"].id
        assert weights.get_offset() + weights.get_storage_size() <= path.stat().st_size
    if hasattr(os, "posix_fallocate"):
        assert path.stat().st_blocks * 512 >= path.stat().st_size


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """No time stamp and no chance is in the file, so that two machines' traces can be compared."""
    first, second = (create(tmp_path / name, RUN).read_bytes() for name in ("a.h5", "b.h5"))
    assert first == second


def test_odd_texts(tmp_path: Path) -> None:
    """Empty subjects, long ids, half a surrogate pair in a question: stored, and read back as text."""
    questions = list(RUN.tokenised.questions)
    questions[0] = replace(questions[0], subject="", text="broken \ud800 pair", id="x" * 300)
    path = tmp_path / "run.h5"
    create_trace(path, RUN.specification, replace(RUN.tokenised, questions=tuple(questions)), RUN.token_texts)
    with open_trace(path) as trace:
        assert trace.content(0).text == "broken \ud800 pair"
        assert trace.ids[0] == "x" * 300
        assert trace.subjects[0] == ""
    with h5py.File(path) as file:
        start, stop = file["questions/content_offset"][:2]
        json.loads(file["questions/content"][start:stop].tobytes().decode("utf-8"))


def test_a_zero_byte_in_an_id_is_refused(tmp_path: Path) -> None:
    """Fixed-length text cannot hold it."""
    questions = (replace(RUN.tokenised.questions[0], id="a\0b"), *RUN.tokenised.questions[1:])
    with pytest.raises(TraceError, match="zero byte"):
        create_trace(
            tmp_path / "run.h5", RUN.specification, replace(RUN.tokenised, questions=questions), RUN.token_texts
        )


def test_a_segment_too_long_to_count_is_refused(tmp_path: Path) -> None:
    """Token counts are 16 bit."""
    segments = (np.zeros(70_000, np.int32), *RUN.tokenised.segments[1:])
    with pytest.raises(TraceError, match="65535"):
        create_trace(tmp_path / "run.h5", RUN.specification, replace(RUN.tokenised, segments=segments), RUN.token_texts)
