"""`moescope experiment` on a real tiny model: text, JSON, CSV, page, and what is refused in one sentence."""

import csv
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from moe_core.commands.console.experiment_options import read_numbers
from moe_core.commands.console.job_console import JobInterruptedError
from moe_core.commands.experiment import find_experiment, run_experiment
from moe_core.errors import ExperimentError, MoeCoreError
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.result import PointMade
from moe_core.experiments.text import COLUMNS
from tests.command_line import refused


def test_json_csv_and_page_hold_the_same_points(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only JSON on stdout; one row a point in the CSV; the page carries the finding, a figure and every point."""
    table, page = baseline.with_name("p.csv"), baseline.with_name("p.html")
    run_experiment("pruning-curve", baseline, shares="0,0.5", repeats=2, csv=table, html=page, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data.keys() >= {"experiment", "finding", "caveats", "points", "n", "seed", "setting", "seconds"}
    assert data["n"] == 9
    first, *lines = table.read_text(encoding="utf-8").splitlines()
    assert first == f"# {data['finding']}"
    rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == COLUMNS
    assert [float(row["delta"]) for row in rows] == [point["delta"] for point in data["points"]]
    assert len(rows) == 4 * 2 + 1 + 2  # nothing removed is the same in both draws
    text = page.read_text(encoding="utf-8")
    assert data["finding"].replace("'", "&#x27;") in text
    assert text.count("<tr>") == 1 + len(rows)
    assert "<svg" in text
    assert "<script" not in text


def test_text_says_the_finding_first(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then the questions that measure, every point, and what limits it."""
    run_experiment("never-used", baseline)
    title, finding, setting, *rest = capsys.readouterr().out.splitlines()
    assert title.startswith("Switch off the never-used experts: ")
    assert finding.startswith("Switching off the ")
    assert setting == "Never used by any of 18 questions, measured on 18 of them."
    assert sum(line.startswith("  never used") for line in rest) == 3
    assert any(line.startswith("note: Never used on this quiz") for line in rest)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_result_that_cannot_be_written_is_printed_all_the_same(
    baseline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What took hours is not lost with the disk that is full by then."""
    with pytest.raises(MoeCoreError, match="cannot be written to /dev/full: No space left on device"):
        run_experiment("never-used", baseline, csv=Path("/dev/full"))
    assert "Switching off the " in capsys.readouterr().out


def test_an_interrupted_run_prints_its_finished_points(
    baseline: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C after the second point: both are printed, as lines or as JSON, and kept; no result is written."""

    def stopped(job: Generator[Any, None, Any], *, heard: Callable[[Any], object], **_: Any) -> None:
        made = 0
        for event in job:
            heard(event)
            made += isinstance(event, PointMade)
            if made == 2:
                job.close()
        raise JobInterruptedError

    monkeypatch.setattr("moe_core.commands.experiment.run_job", stopped)
    target = baseline.with_name("p.csv")
    with pytest.raises(JobInterruptedError):
        run_experiment("never-used", baseline, csv=target)
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 2
    kept = f"{baseline.stem}.never-used-1.jsonl"
    sentence = f"moescope: stopped; 2 points finished and kept in {kept}: the same command goes on from there."
    assert told.err.splitlines()[-1] == sentence
    with pytest.raises(JobInterruptedError):
        run_experiment("never-used", baseline, csv=target, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert (data["complete"], len(data["points"])) == (False, 2)
    assert not target.exists()


def test_what_was_run_before_is_listed_and_shown_again(
    baseline: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command shows it without running anything; `list` says all of them; `--fresh` begins anew."""
    run_experiment("list", baseline)
    assert capsys.readouterr().out.startswith(f"No experiment was run on {baseline.name} yet")
    run_experiment("never-used", baseline, as_json=True)
    first = json.loads(capsys.readouterr().out)
    with monkeypatch.context() as patched:
        patched.setattr("moe_core.experiments.points.run.load_baseline_model", None)  # calling it would fail
        run_experiment("never-used", baseline, as_json=True)
    again = json.loads(capsys.readouterr().out)
    assert {**again, "seconds": 0} == {**first, "seconds": 0}
    name = f"{baseline.stem}.never-used-1.jsonl"
    run_experiment("never-used", baseline, fresh=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["kept"] == str(baseline.with_name(f"{baseline.stem}.never-used-2.jsonl"))
    baseline.with_name(f"{baseline.stem}.boost-best-1.jsonl").write_text("{}", encoding="utf-8")
    run_experiment("list", baseline)
    lines = capsys.readouterr().out.splitlines()
    assert f"{name}: Switch off the never-used experts" in lines
    assert lines.count(f"  {first['finding']}") == 2
    assert any("holds no results of moescope" in line for line in lines)
    run_experiment("list", baseline, as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert {each["result"]["finding"] for each in listed if each["result"]} == {first["finding"]}
    assert [each["problem"] is None for each in listed].count(False) == 1


def test_wrong_input_is_one_sentence(baseline: Path) -> None:
    """An unknown name lists the known ones; numbers, targets and subsets are looked at before anything is run."""
    names = ", ".join(experiment.name for experiment in EXPERIMENTS)
    with pytest.raises(ExperimentError, match=names):
        find_experiment("nothing")
    with pytest.raises(ExperimentError, match="no list of numbers"):
        read_numbers("1.2;1.5")
    with pytest.raises(MoeCoreError, match="is the trace itself"):
        run_experiment("never-used", baseline, csv=baseline)
    with pytest.raises(MoeCoreError, match="is a file, not a folder"):
        run_experiment("never-used", baseline, html=baseline / "p.html")
    sentence = refused("experiment", "pruning-curve", baseline, "--shares", "2")
    assert "Shares of experts, or of an expert's neurons, lie between 0 and 1" in sentence
