"""Results are read back as they were and told apart by what made them; a stranger's are only numbers."""

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult
from moe_core.analyses.kept.beside import delete_results, find_kept, result_paths, results_beside
from moe_core.analyses.kept.file import read_kept, read_making, result_path, write_kept
from moe_core.analyses.kept.making import Making, fingerprint_of, making_of
from moe_core.errors import AnalysisError
from moe_core.jobs import analyse as job
from moe_core.jobs.analyse import analyse, find_analysis
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.traces.reader import open_trace
from tests.job_results import result_of

NAME = "expert-neuron-mean-similarity"


@pytest.fixture
def trace(small_trace: Path, tmp_path: Path) -> Path:
    """A copy of the small trace in a folder of its own."""
    return Path(shutil.copy(small_trace, tmp_path / "T.h5"))


def making(trace: Path, name: str = NAME, **options: Any) -> Making:
    """What would make a result of the trace."""
    with open_trace(trace) as opened:
        model = fingerprint_of(opened.specification.model)
        return making_of(find_analysis(name), AnalysisOptions(**options), model=model, trace=opened, dtype="float32")


def test_the_second_time_is_read_and_equal(trace: Path) -> None:
    """The file is what the library for safetensors reads, too; asked for again, it is computed."""
    first = result_of(analyse(AnalysisRequest(NAME, trace)))
    (path,) = result_paths(trace)
    assert first.kept_in == ""
    events: list[Event] = []
    second = result_of(analyse(AnalysisRequest(NAME, trace)), events)
    assert (second.kept_in, second.seconds, second.model) == (str(path), first.seconds, first.model)
    assert not any(isinstance(event, Stage) for event in events)
    assert second.found.layers == first.found.layers
    with safe_open(path, "np") as file:
        for key, values in first.found.values.items():
            np.testing.assert_array_equal(second.found.values[key], values)
            np.testing.assert_array_equal(file.get_tensor(key), values)
    assert result_of(analyse(AnalysisRequest(NAME, trace, again=True))).kept_in == ""


def test_a_kept_result_needs_the_weights_no_more(trace: Path, tmp_path: Path, tiny_olmoe: Path) -> None:
    """What was computed is shown where the model is gone; a copy of the weights elsewhere has the same result."""
    result_of(analyse(AnalysisRequest(NAME, trace)))
    other = Path(shutil.copytree(tiny_olmoe, tmp_path / "copied"))
    moved = AnalysisRequest(NAME, trace, model=ModelNow(str(other)))
    assert result_of(analyse(moved)).kept_in
    weights = other / "model.safetensors"
    weights.write_bytes(_with_other_bit(weights))
    events: list[Event] = []
    assert not result_of(analyse(moved), events).kept_in
    assert any("another model" in event.text for event in events if isinstance(event, Notice))


def test_without_a_trace_it_is_kept_in_the_person_s_folder(
    trace: Path, tiny_olmoe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never in the model's folder; read back by what made it, not of other weights; a folder that is none is told."""
    monkeypatch.setattr("moe_core.analyses.kept.beside.user_data_path", lambda *_, **__: tmp_path / "data")
    folder = Path(shutil.copytree(tiny_olmoe, tmp_path / "model 1.5"))
    before = sorted(folder.iterdir())
    request = AnalysisRequest(NAME, model=ModelNow(str(folder)))
    first = result_of(analyse(request))
    [file] = (tmp_path / "data" / "traces").iterdir()
    assert file.name.startswith("model-1-5-")
    second = result_of(analyse(request))
    assert (first.kept_in, second.kept_in) == ("", str(file))
    np.testing.assert_array_equal(second.found.values["up"], first.found.values["up"])
    assert read_making(file) == making(trace)
    assert sorted(folder.iterdir()) == before
    (folder / "model.safetensors").write_bytes(_with_other_bit(folder / "model.safetensors"))
    assert not result_of(analyse(request)).kept_in
    monkeypatch.setattr("moe_core.analyses.kept.beside.user_data_path", lambda *_, **__: folder / "config.json")
    events: list[Event] = []
    assert result_of(analyse(request), events).found.layers == first.found.layers
    assert any("cannot be kept" in event.text for event in events if isinstance(event, Notice))


def _with_other_bit(path: Path) -> bytes:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    return bytes(data)


def test_the_weights_are_shared_by_traces_and_answers_are_not(trace: Path, small_trace: Path) -> None:
    """A result of weights alone is found from another trace of the folder; one of answers is not."""
    copied = Path(shutil.copy(small_trace, trace.with_name("U.h5")))
    result_of(analyse(AnalysisRequest(NAME, trace)))
    assert "T.atlas-" in result_of(analyse(AnalysisRequest(NAME, copied))).kept_in
    one, other = (making(trace, "co-activation", subjects=(name,)) for name in ("sums0", "sums1"))
    assert one.digest != other.digest
    assert making(trace, "co-activation").trace.split()[0] == making(copied, "co-activation").trace.split()[0]
    assert making(trace, NAME, subjects=("sums0",)) == making(trace)
    assert making(trace, "norm-score-ranks", n_questions=3) != making(trace, "norm-score-ranks", n_questions=4)


def test_only_what_took_long_is_kept_of_a_trace(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A click in the filter leaves no file behind, unless it was worth one."""
    monkeypatch.setattr(job, "KEPT_FROM_S", math.inf)
    result_of(analyse(AnalysisRequest("load-balance", trace)))
    assert not result_paths(trace)
    monkeypatch.setattr(job, "KEPT_FROM_S", 0.0)
    result_of(analyse(AnalysisRequest("load-balance", trace)))
    assert result_of(analyse(AnalysisRequest("load-balance", trace))).kept_in


def test_what_cannot_be_kept_is_told_and_found_all_the_same(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or read-only disk costs the file alone."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    events: list[Event] = []
    assert result_of(analyse(AnalysisRequest(NAME, trace)), events).found.values
    assert next(event.text for event in events if isinstance(event, Notice)).endswith("No space left on device")
    assert [path.name for path in trace.parent.iterdir()] == ["T.h5"]


def kept(trace: Path) -> tuple[Path, AnalysisResult]:
    """A file beside the trace, and what is in it."""
    result = result_of(analyse(AnalysisRequest(NAME, trace)))
    return result_paths(trace)[0], result


def test_stale_and_damaged_ones_are_told_apart(trace: Path) -> None:
    """Of another model, of another trace, of a trace with fewer answers; a flipped bit; all go with the trace."""
    path, result = kept(trace)
    routing = making(trace, "load-balance")
    for number, changed in enumerate(
        (
            replace(routing, trace="other 00"),
            replace(routing, trace=f"{routing.trace.split()[0]} 00"),
            replace(routing, model="other"),
        )
    ):
        write_kept(trace.with_name(f"T.atlas-load-balance-{number}.safetensors"), changed, result)
    bad = bytearray(path.read_bytes())
    bad[-1] ^= 64
    trace.with_name("T.atlas-z.safetensors").write_bytes(bytes(bad))
    with open_trace(trace) as opened:
        found = results_beside(opened)
    said = ["", "of another trace", "of fewer or other answers", "of another model", ""]
    assert [beside.stale for beside in found] == said
    assert [bool(beside.problem) for beside in found] == [False] * 4 + [True]
    assert find_kept(trace, replace(making(trace), version=2), AnalysisOptions()) is None
    delete_results(result_paths(trace))
    assert not result_paths(trace)


def test_hostile_files(trace: Path) -> None:
    """Whatever byte is changed, it is read as numbers or refused in one sentence; infinity and pickles are refused."""
    path, result = kept(trace)
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    said: list[str] = []
    for _ in range(200):
        bad = bytearray(whole)
        bad[draw.integers(1_500)] = draw.integers(256)
        path.write_bytes(bytes(bad[: draw.integers(1, len(bad))] if draw.random() < 0.1 else bad))
        try:
            read_kept(path)
        except AnalysisError as error:
            said.append(str(error))
    assert len(said) > 50
    assert all(sentence.startswith(str(path)) for sentence in said)
    for content in (b"", b"{}", whole[:100], b"\x80\x04\x95" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(AnalysisError):
            read_making(path)
    found = result.found
    for values in ({"up": np.full((3, 16, 16), np.inf)}, {"up": np.zeros((2, 16, 16))}, {"up": np.zeros((3, 0))}):
        write_kept(path, making(trace), replace(result, found=replace(found, values=values)))
        with pytest.raises(AnalysisError, match="damaged"):
            read_kept(path)
    write_kept(path, making(trace), replace(result, found=replace(found, notes=("x" * 3_000,))))
    with pytest.raises(AnalysisError, match="damaged"):
        read_kept(path)
    with pytest.raises(AnalysisError, match="cannot be read"):
        read_kept(path.with_name("absent"))


def test_a_file_that_lacks_what_is_drawn_is_damaged(trace: Path) -> None:
    """Found where it is read, and not where it is shown."""
    _, result = kept(trace)
    analysis = find_analysis("expert-pca")
    path = result_path(trace, making(trace, "expert-pca"))
    values = {"up": np.zeros((3, 16, 2))}  # the shares of the variance are missing
    write_kept(
        path,
        making(trace, "expert-pca"),
        replace(result, analysis=analysis, found=replace(result.found, values=values)),
    )
    with pytest.raises(AnalysisError, match="damaged"):
        read_kept(path)
    assert find_kept(trace, making(trace, "expert-pca"), AnalysisOptions()) is None
