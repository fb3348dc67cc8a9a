"""The library: what is listed equals what the traces hold, and no file hides another."""

import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.errors import TraceError
from moe_core.traces import library
from moe_core.traces.checking.check import check_structure
from moe_core.traces.library import Condition, Library, delete_trace, read_entry
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import open_trace
from tests.traces.copied_trace import Replacement, copy_trace, with_values
from tests.traces.synthetic_run import SyntheticRun, create, record


def listed(folder: Path) -> dict[str, library.TraceEntry]:
    """The entries of a folder by file name."""
    return {entry.path.name: entry for entry in Library().entries(folder)}


def test_lists_what_each_trace_holds(tmp_path: Path) -> None:
    """Counts, accuracy over answered questions with gold, names and date are those of the trace."""
    path = record(tmp_path / "a.h5", SyntheticRun(n_questions=40))
    entry = listed(tmp_path)["a.h5"]
    with open_trace(path) as trace:
        scored = (trace.gold >= 0) & (trace.predicted >= 0)
        right = int((scored & (trace.predicted == trace.gold)).sum())
        assert (entry.accuracy.successes, entry.accuracy.n) == (right, int(scored.sum()))
        assert (entry.n_recorded, entry.n_planned) == (int(trace.recorded.sum()), trace.n_questions)
    assert 0 < entry.accuracy.lower < entry.accuracy.estimate < entry.accuracy.upper < 1
    assert (entry.model, entry.quiz, entry.intervention) == ("synthetic", "synthetic", "")
    assert (entry.created, entry.condition, entry.problem) == ("2026-01-01T00:00:00+00:00", Condition.COMPLETE, "")


def test_a_partial_trace_counts_only_what_is_recorded(tmp_path: Path) -> None:
    """Two of six recorded; a trace just begun has none, and no accuracy."""
    record(tmp_path / "two.h5", SyntheticRun(), only=[0, 3])
    create(tmp_path / "none.h5", SyntheticRun())
    entries = listed(tmp_path)
    assert [(e.condition, e.n_recorded, e.n_planned) for e in entries.values()] == [
        (Condition.PARTIAL, 0, 6),
        (Condition.PARTIAL, 2, 6),
    ]
    assert np.isnan(entries["none.h5"].accuracy.estimate)


def test_one_damaged_file_hides_no_other(tmp_path: Path) -> None:
    """Cut short, empty, a folder, foreign: each is one entry with one sentence that names it."""
    whole = record(tmp_path / "whole.h5", SyntheticRun()).read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.h5").touch()
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "notes.txt").write_text("no trace")
    entries = listed(tmp_path)
    assert list(entries) == ["cut.h5", "empty.h5", "folder.h5", "whole.h5"]
    assert entries.pop("whole.h5").condition is Condition.COMPLETE
    for name, entry in entries.items():
        assert entry.condition is Condition.DAMAGED
        assert name in entry.problem
        assert "\n" not in entry.problem


def test_an_intervention_is_said_in_words(tmp_path: Path) -> None:
    """How many experts are re-routed, dropped, boosted; its name where it has one; nonsense is called unreadable."""
    base = record(tmp_path / "base.h5", SyntheticRun()).rename(tmp_path / "base.trace")
    with open_trace(base) as trace:
        specification = trace.specification
    texts = {}
    for name, data in {
        "two": {"reroute": [[0, 1], [1, 1]], "drop": [[2, 2]]},
        "named": {"name": "no\nmaths", "drop": [[2, 2]]},
        "nonsense": {"reroute": "all of them"},
        "huge": {"boost": [[0, 1, 10**400]]},
    }.items():
        text = np.bytes_(replace(specification, intervention=data).to_json().encode())
        copy_trace(base, tmp_path / f"{name}.h5", replaced={"specification": _text(text)})
        texts[name] = read_entry(tmp_path / f"{name}.h5").intervention
    assert texts == {"two": "reroute 2, drop 1", "named": "no maths", "nonsense": "unreadable", "huge": "unreadable"}


def _text(value: np.bytes_) -> Replacement:
    def make(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
        copy.create_dataset(name, data=value, dtype=h5py.string_dtype("utf-8", len(value)))

    return make


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By modification time and size."""
    read: list[str] = []
    monkeypatch.setattr(library, "read_entry", lambda path: (read.append(path.name), read_entry(path))[1])
    one, two = record(tmp_path / "1.h5", SyntheticRun()), record(tmp_path / "2.h5", SyntheticRun())
    kept = Library()
    assert list(kept.entries(tmp_path)) == list(kept.entries(tmp_path))
    assert read == ["1.h5", "2.h5"]
    os.utime(two, ns=(1, 1))
    assert len(list(kept.entries(tmp_path))) == 2
    assert read == ["1.h5", "2.h5", "2.h5"]
    one.unlink()
    assert [entry.path for entry in kept.entries(tmp_path)] == [two]


def test_a_file_that_vanishes_while_listing_is_passed_over(tmp_path: Path) -> None:
    """Another program may delete what was just listed."""
    for name in "abc":
        record(tmp_path / f"{name}.h5", SyntheticRun())
    entries = Library().entries(tmp_path)
    assert next(entries).path.name == "a.h5"
    (tmp_path / "b.h5").unlink()
    assert [entry.path.name for entry in entries] == ["c.h5"]


def test_no_folder_has_no_traces_and_a_file_is_no_folder(tmp_path: Path) -> None:
    """A library that was never written to is empty; what cannot be listed says so."""
    assert listed(tmp_path / "missing") == {}
    (tmp_path / "file").touch()
    with pytest.raises(TraceError, match="cannot be read"):
        listed(tmp_path / "file")


def test_deleting_takes_the_lock_file_along(tmp_path: Path) -> None:
    """Nothing is left of the trace; a file that is gone already is no error."""
    path = record(tmp_path / "a.h5", SyntheticRun())
    delete_trace(path)
    assert list(tmp_path.iterdir()) == []
    delete_trace(path)
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_is_being_recorded_is_not_deleted(tmp_path: Path) -> None:
    """One sentence, and the file stays."""
    path = record(tmp_path / "a.h5", SyntheticRun())
    with writer_lock(path), pytest.raises(TraceError, match=r"a\.h5 is being written"):
        delete_trace(path)
    assert path.exists()


def test_a_file_with_wild_values_is_still_one_entry(tmp_path: Path) -> None:
    """Predictions out of range count as wrong; the listing does not believe them further."""
    base = record(tmp_path / "base.h5", SyntheticRun(n_questions=20))
    changed = {"answers/predicted": with_values(lambda values: np.full_like(values, 99))}
    entry = read_entry(copy_trace(base, tmp_path / "wild.h5", replaced=changed))
    assert entry.accuracy.successes == 0


def test_damaged_questions_count_nowhere(tmp_path: Path) -> None:
    """A prediction that changed on the disk is no part of the accuracy; how many are damaged is told."""
    run = SyntheticRun(n_questions=40)
    path = record(tmp_path / "a.h5", run)
    whole = read_entry(path)
    offset = check_structure(path).extents["answers/predicted"].offset
    with path.open("r+b") as file:
        file.seek(offset + 7)
        file.write(bytes([3 - run.question_record(7).answer.predicted]))
    damaged = read_entry(path)
    assert (damaged.condition, damaged.n_recorded, damaged.n_damaged) == (Condition.PARTIAL, 39, 1)
    assert damaged.accuracy.n == whole.accuracy.n - 1
