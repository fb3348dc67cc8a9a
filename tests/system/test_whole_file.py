"""A file is the old one or the new one; what fails leaves nothing behind."""

import os
from pathlib import Path

import pytest

from moe_core.system.whole_file import replacing, write_whole


def test_a_file_is_replaced_by_what_is_written(tmp_path: Path) -> None:
    """Text as UTF-8, a lone surrogate as an escape that JSON reads; bytes one after the other."""
    path = tmp_path / "a.json"
    write_whole(path, '"é\ud800"\n')
    assert path.read_bytes() == '"é'.encode() + b'\\ud800"\n'
    write_whole(path, [b"one ", b"two"])
    assert path.read_bytes() == b"one two"
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    """Half of it written, or a folder in its place."""
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def half() -> None:
        with replacing(path) as unfinished:
            unfinished.write_bytes(b"ne")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        half()
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["a"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):  # noqa: PT011  # each system has its own words
        write_whole(tmp_path / "folder", "text")
    assert sorted(os.listdir(tmp_path)) == ["a", "folder"]


def test_a_failure_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    """Not the name that it has before it is whole, which nobody knows."""
    path = tmp_path / "no folder" / "all.zip"
    with pytest.raises(FileNotFoundError, match=r"all\.zip'$") as raised:
        write_whole(path, "")
    assert raised.value.filename == str(path)
