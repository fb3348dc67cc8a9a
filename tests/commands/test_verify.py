"""`moescope verify` says whether a trace is sound, and where not."""

import json
from pathlib import Path

import pytest

from moe_core.commands.verify import verify_trace
from moe_core.effects.map_file import map_path
from moe_core.errors import EffectError, TraceError
from moe_core.traces.checking.check import check_structure
from tests.app.synthetic_effects import made_map
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun()


def test_a_complete_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is sound and complete, with its counts."""
    verify_trace(record(tmp_path / "run.h5", RUN), as_json=False)
    assert "sound and complete: 6 of 6 questions and 2 of 2 shared prefixes" in capsys.readouterr().out


def test_a_partial_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is sound; the JSON says that it is not complete."""
    path = record(tmp_path / "run.h5", RUN, only=[1])
    verify_trace(path, as_json=False)
    assert "sound and partial" in capsys.readouterr().out
    verify_trace(path, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["sound"], shown["complete"], shown["n_recorded"], shown["n_questions"]) == (True, False, 1, 6)


def test_a_damaged_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence names the questions and prefixes; the JSON is printed all the same."""
    path = record(tmp_path / "run.h5", RUN)
    layout = check_structure(path)
    with path.open("r+b") as file:
        for name in ("answers/router_probs", "prefix_sums/token_count"):
            file.seek(layout.extents[name].offset)
            file.write(b"\xff\xff")
    with pytest.raises(TraceError, match=r"damaged at 1 question \(q0\) and shared prefixes 0"):
        verify_trace(path, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["damaged_questions"], shown["damaged_prefixes"]) == (["q0"], [0])


def test_effect_maps_beside_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is named with what it holds; a damaged one, or that of another trace, is one sentence."""
    path = record(tmp_path / "run.h5", RUN)
    made_map(path)
    verify_trace(path, as_json=False)
    assert "run.effects-reroute.safetensors is its effect map (reroute): 6 of 6 questions" in capsys.readouterr().out
    other = record(tmp_path / "other.h5", SyntheticRun(n_questions=4))
    made_map(other)
    foreign = map_path(other, "reroute").rename(map_path(path, "drop"))
    with pytest.raises(EffectError, match="is the effect map of another trace"):
        verify_trace(path, as_json=True)
    assert [bool(each["problem"]) for each in json.loads(capsys.readouterr().out)["effect_maps"]] == [True, False]
    foreign.write_bytes(foreign.read_bytes()[:-9])
    with pytest.raises(EffectError, match="damaged effect map"):
        verify_trace(path, as_json=False)
