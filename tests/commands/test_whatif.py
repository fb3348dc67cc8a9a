"""`moescope whatif` on a real tiny model: the JSON of the contract, the lines, and what is refused in one sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moe_core.commands.compare import compare_traces
from moe_core.commands.console.options import Place
from moe_core.commands.record import Effect
from moe_core.commands.whatif import read_actions, what_if_trace
from moe_core.errors import InterventionError, MoeCoreError, QuizError
from moe_core.interventions.file import save_intervention
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from tests.command_line import refused
from tests.commands.test_compare import CONTRACT


def test_json_keeps_the_contract_and_equals_compare(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every promised key; `compare` on the two traces prints the same numbers."""
    out = baseline.with_name("W.h5")
    what_if_trace(baseline, mask="0:1,2:3", effect=Effect.DROP, out=out, controls=3, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data.keys() >= CONTRACT
    assert (data["effect"], data["mask"], data["trace"]) == ("drop", [[0, 1], [2, 3]], str(out))
    assert len(data["controls"]["deltas"]) == 3
    compare_traces(baseline, out, as_json=True)
    again = json.loads(capsys.readouterr().out)
    assert {key: data[key] for key in again if key != "seconds"} == {
        key: value for key, value in again.items() if key != "seconds"
    }


def test_text_of_a_boost_on_a_subset_with_controls(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was done, the change, where it falls among the controls, and where the trace is."""
    what_if_trace(baseline, mask="1:4", boost=3.0, subset="6", seed=1, controls=2)
    heading, change, *rest = capsys.readouterr().out.splitlines()
    assert heading.endswith("then T.what-if-1.h5 (1 expert in 1 layer boosted)")
    assert change.endswith("n = 6")
    assert any(line.startswith("2 random masks of the same size") for line in rest)
    assert rest[-1].startswith(f"Written: {baseline.with_name('T.what-if-1.h5')} (")


def test_a_mask_at_the_answer_alone(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in heading, JSON and the trace; its controls act there too; another run than the same mask everywhere."""
    what_if_trace(baseline, mask="1:4", at=Place.ANSWER, controls=2)
    heading, *_ = capsys.readouterr().out.splitlines()
    assert "(1 expert in 1 layer re-routed at the answer alone)" in heading
    what_if_trace(baseline, mask="1:4", as_json=True)
    everywhere = json.loads(capsys.readouterr().out)
    assert everywhere["trace"].endswith("T.what-if-2.h5")
    compare_traces(baseline, baseline.with_name("T.what-if-1.h5"), as_json=True)
    alone = json.loads(capsys.readouterr().out)
    assert (alone["at"], everywhere["at"]) == ("answer", "all")
    assert alone["intervention"]["at"] == "answer"
    kept = baseline.with_name("T.what-if-1.controls.jsonl").read_text("utf-8")
    assert kept.count('"at": "answer"') == 2


def test_what_the_options_mean(tmp_path: Path) -> None:
    """A mask re-routes unless said otherwise; a factor boosts it; a file says all by itself."""
    assert read_actions("0:1") == parse_mask("0:1")
    assert read_actions("0:1", Effect.DROP) == parse_mask("0:1", "drop")
    assert read_actions("0:1", None, 2.0) == act_on({(0, 1)}, "boost", factor=2.0)
    save_intervention(tmp_path / "i.json", Intervention("mine", boost={(0, 1): 2.0}))
    assert read_actions("", path=tmp_path / "i.json").name == "mine"
    assert read_actions("0:1", at=Place.ANSWER) == replace(parse_mask("0:1"), at_answer=True)
    with pytest.raises(InterventionError, match="--at"):
        read_actions("", path=tmp_path / "i.json", at=Place.ALL)
    for contradiction in (("0:1", Effect.DROP, 2.0, None), ("0:1", None, None, tmp_path / "i.json")):
        with pytest.raises(InterventionError):
            read_actions(*contradiction)


def test_a_subset_must_be_one(baseline: Path, tmp_path: Path) -> None:
    """Neither a word, nor a number and a list at once, nor an empty list."""
    with pytest.raises(MoeCoreError, match='"some" is no subset'):
        what_if_trace(baseline, mask="0:1", subset="some")
    (tmp_path / "ids.txt").write_text("q1\n")
    with pytest.raises(MoeCoreError, match="either --subset or --ids"):
        what_if_trace(baseline, mask="0:1", subset="3", ids=tmp_path / "ids.txt")
    (tmp_path / "ids.txt").write_text("\n")
    with pytest.raises(QuizError, match=r"ids\.txt is empty"):
        what_if_trace(baseline, mask="0:1", ids=tmp_path / "ids.txt")


def test_wrong_input_is_one_sentence_on_the_command_line(baseline: Path, tmp_path: Path) -> None:
    """Exit code 1, nothing on stdout, no traceback."""
    (tmp_path / "bad.json").write_text("{")
    assert "The intervention is not JSON" in refused("whatif", baseline, "--intervention", tmp_path / "bad.json")
