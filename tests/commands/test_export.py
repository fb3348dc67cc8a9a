"""`moescope export`: Parquet and CSV hold the same rows, once each, and what cannot be written is told."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from moe_core.commands.export import export
from moe_core.errors import InstallExtra, MissingExtraError, MoeCoreError
from moe_core.jobs.events import Progress
from moe_core.jobs.export_tables import TableFormat, TablesRequest, export_tables
from moe_core.jobs.job import run
from moe_core.traces.notes import Notes, save_notes
from moe_core.traces.reader import open_trace
from tests.traces.synthetic_run import SyntheticRun, record

TABLES = {"questions", "answers", "routing"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Twelve questions, the last two not recorded."""
    return record(tmp_path / "run.h5", SyntheticRun(n_questions=12), only=range(10))


def test_routing_counts_every_token_once(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prefix that questions share is there once; what is not recorded is not."""
    export(path, parquet=tmp_path / "tables", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["n_left_out"] == 2
    assert {Path(table["path"]).stem for table in said["tables"]} == TABLES
    assert {file.stem for file in (tmp_path / "tables").iterdir()} == TABLES  # and nothing unfinished
    routing = parquet.read_table(tmp_path / "tables" / "routing.parquet").to_pydict()
    with open_trace(path) as trace:
        used = {int(p) for p in trace.prefix[:10] if p >= 0}
        n_tokens = int(trace.n_own_tokens[:10].sum()) + int(sum(trace.n_prefix_tokens[p] for p in used))
        assert len(routing["expert"]) == n_tokens * trace.dimensions.n_layers * trace.dimensions.top_k
        for question in range(10):
            rows = [n for n, q in enumerate(routing["question"]) if q == question]
            own = trace.token_routing(question).experts[-int(trace.n_own_tokens[question]) :]
            assert [routing["expert"][n] for n in rows] == own.ravel().tolist()


def test_csv_holds_the_same_numbers(path: Path, tmp_path: Path) -> None:
    """Every column by the same name; unknown numbers are empty fields."""
    export(path, parquet=tmp_path / "p", csv=tmp_path / "c")
    for name in TABLES:
        exact = parquet.read_table(tmp_path / "p" / f"{name}.parquet")
        with (tmp_path / "c" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == exact.column_names
        for column in exact.column_names:
            values = exact[column].to_pylist()
            if isinstance(values[0], float):
                read = [float(row[column]) if row[column] else np.nan for row in rows]
                assert np.allclose(read, values, rtol=1e-6, equal_nan=True)
            else:
                expected = [int(value) if isinstance(value, bool) else value for value in values]
                assert [row[column] for row in rows] == [str(value) for value in expected]


def test_notes_go_with_it(path: Path, tmp_path: Path) -> None:
    """Bookmarks and notes on questions and experts, a row each."""
    save_notes(path, Notes({"q3": "=odd"}, {(1, 2): ""}))
    export(path, csv=tmp_path / "c")
    assert (tmp_path / "c" / "notes.csv").read_text() == "kind,name,note\nquestion,q3,'=odd\nexpert,1:2,\n"


def test_a_cancelled_export_leaves_nothing(path: Path, tmp_path: Path) -> None:
    """Neither half a table nor the place where it was made; files of before stay."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "questions.csv").write_text("before")
    job = export_tables(TablesRequest(path, folder, TableFormat.CSV))
    while not isinstance(next(job), Progress):
        pass
    job.close()
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("questions.csv", "before")]


def test_without_pyarrow_one_sentence(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra, and CSV is written all the same."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="Parquet") as caught:
        export(path, parquet=tmp_path / "tables")
    assert caught.value.remedies == (InstallExtra("model"),)
    assert not (tmp_path / "tables").exists()
    result = run(export_tables(TablesRequest(path, tmp_path / "tables", TableFormat.CSV)))
    assert {table.path.stem for table in result.tables} == TABLES


def test_nothing_to_write_to_is_told(path: Path) -> None:
    """In one sentence, before anything is opened."""
    with pytest.raises(MoeCoreError, match="where to write"):
        export(path)


def test_of_two_folders_both_are_looked_at_first(path: Path, tmp_path: Path) -> None:
    """Nothing is written where one of them cannot be."""
    (tmp_path / "file").touch()
    with pytest.raises(MoeCoreError, match="is a file, not a folder"):
        export(path, csv=tmp_path / "file", parquet=tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


def test_a_trace_of_the_same_name_stays(path: Path, tmp_path: Path) -> None:
    """Whatever it is called."""
    folder = tmp_path / "tables"
    folder.mkdir()
    kept = path.rename(folder / "routing.csv")
    with pytest.raises(MoeCoreError, match="never overwritten"):
        export(kept, csv=folder)
