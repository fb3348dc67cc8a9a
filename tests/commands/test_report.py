"""`moescope report` on trace files: what it prints, what it writes, and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from moe_core.commands.console.remedies import WORDS
from moe_core.commands.report import report
from moe_core.errors import MoeCoreError, Remedy, TraceError
from moe_core.measures.scope import Scope
from tests.traces.synthetic_run import SyntheticRun, create, record

CSV_FILES = {"layers.csv", "experts.csv", "subjects.csv", "questions.csv"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Twelve questions, all recorded; question 4 failed."""
    return record(tmp_path / "run.h5", SyntheticRun(n_questions=12))


@pytest.mark.parametrize("scope", Scope)
def test_json_alone_on_stdout(path: Path, scope: Scope, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when files are written: a script can pipe it."""
    report(path, scope, as_json=True, csv=tmp_path / "tables", html=tmp_path / "page.html")
    captured = capsys.readouterr()
    data = json.loads(captured.out)
    assert (data["scope"], data["n_planned"], data["n_questions"], data["n_failed"]) == (scope, 12, 11, 1)
    assert data["failures"] == {"the log-probability of a choice is not finite": 1}
    assert captured.err == ""


def test_text_names_the_files_it_wrote(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders are made on the way."""
    report(path, csv=tmp_path / "a" / "b", html=tmp_path / "c" / "page.html")
    out = capsys.readouterr().out
    assert out.startswith("synthetic on synthetic\n")
    assert f"Written: {tmp_path / 'a' / 'b'}" in out
    assert {file.name for file in (tmp_path / "a" / "b").iterdir()} == CSV_FILES
    assert (tmp_path / "c" / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_other_files_of_the_folder_stay(path: Path, tmp_path: Path) -> None:
    """Only the report's own names are replaced, and nothing unfinished is left."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    (folder / "layers.csv").write_text("old")
    report(path, csv=folder)
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "layers.csv").read_text().startswith("scope,layer")
    assert {file.name for file in folder.iterdir()} == CSV_FILES | {"mine.txt"}


def test_the_trace_is_never_replaced(path: Path) -> None:
    """A slip of the keyboard must not cost hours of recording."""
    before = path.read_bytes()
    with pytest.raises(MoeCoreError, match="is the trace itself"):
        report(path, html=path)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written(path: Path, tmp_path: Path) -> None:
    """A file where a folder should be, or the other way round, is one sentence."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(MoeCoreError, match="file is a file, not a folder"):
        report(path, csv=tmp_path / "file")
    with pytest.raises(MoeCoreError, match="folder is a folder: name the file"):
        report(path, html=tmp_path / "folder")
    with pytest.raises(MoeCoreError, match="file is a file, not a folder"):
        report(path, html=tmp_path / "file" / "page.html")
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_missing_folder_is_made_with_the_page(path: Path, tmp_path: Path) -> None:
    """What fails leaves none behind."""
    page = tmp_path / "deep" / "er" / "page.html"
    with pytest.raises(MoeCoreError):
        report(tmp_path / "gone.h5", html=page)
    assert not (tmp_path / "deep").exists()
    report(path, html=page)
    assert page.is_file()


def test_an_empty_trace_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first batch there is nothing to show but what was planned."""
    report(create(tmp_path / "empty.h5", SyntheticRun()), csv=tmp_path, html=tmp_path / "page.html")
    out = capsys.readouterr().out
    assert "partial: 0 of 6 questions recorded" in out
    assert "No question is recorded yet" in out
    assert WORDS[Remedy.RESUME] in out


def test_a_partial_trace_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers of an unfinished run never pass for those of the whole."""
    report(record(tmp_path / "run.h5", SyntheticRun(), only=[0, 1]))
    assert "partial: 2 of 6 questions recorded" in capsys.readouterr().out


def test_an_encoding_without_dashes(path: Path) -> None:
    """A pipe of eight bits gets a report, not a traceback."""
    code = f"from pathlib import Path; from moe_core.commands.report import report; report(Path({str(path)!r}))"
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Accuracy by subject" in done.stdout


def test_no_trace_is_one_sentence(tmp_path: Path) -> None:
    """The reader's own error comes through."""
    with pytest.raises(TraceError):
        report(tmp_path / "nothing.h5")
