"""`moescope effects` on a real tiny model: the JSON of the contract, effects by token, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from moe_core.commands.effects import effects_of_trace
from moe_core.commands.record import Effect
from moe_core.errors import EffectError, MoeCoreError

CONTRACT = {"effect", "unit", "n_questions", "predicted", "status", "measured", "interval", "split_half"} | {
    "forward_passes",
    "seconds_predicted",
    "seconds_measured",
}


def test_json_keeps_the_contract(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every promised key; only what was measured has a measured value, and where answers change an interval."""
    effects_of_trace(baseline, effect=Effect.DROP, measure="0:1,2:3", budget=0.3, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data.keys() >= CONTRACT
    assert np.shape(data["predicted"]) == (3, 16)
    is_measured = np.array(data["status"]) == "measured"
    assert is_measured[0, 1]
    assert is_measured[2, 3]
    changes = is_measured & (np.array(data["standard_error"]) > 0)
    for values, known in ((data["measured"], is_measured), (data["interval"], changes)):
        np.testing.assert_array_equal([[cell is not None for cell in row] for row in values], known)
    assert changes[0, 1]


def test_by_token(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list an entry a token, beside the whole; the text names the tokens that move the answer most."""
    effects_of_trace(baseline, by_token="q2", measure="0:1,1:4", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert (data["question"], data["effect"], data["unit"]) == ("q2", "reroute", "nats")
    assert [(expert["layer"], expert["expert"]) for expert in data["experts"]] == [(0, 1), (1, 4)]
    for expert in data["experts"]:
        assert len(expert["measured"]) == len(expert["predicted"]) == len(data["tokens"])
        assert expert["measured_sum"] == pytest.approx(sum(expert["measured"]), abs=1e-5)
    effects_of_trace(baseline, by_token="q2", measure="1:4", limit=1)
    heading, _, largest, summary, *_ = capsys.readouterr().out.splitlines()
    assert heading.startswith("Expert 1:4 on q2: ")
    most = int(np.abs(data["experts"][1]["measured"]).argmax())
    assert largest.split()[0] == str(most)
    assert largest.endswith(repr(data["tokens"][most]))
    assert "at all of them at once" in summary


def test_by_token_of_what_is_not_there(baseline: Path) -> None:
    """Experts that are not named, and a question that is not recorded, are one sentence."""
    for measure in ("", "all", "top:0.2"):
        with pytest.raises(EffectError, match="name them"):
            effects_of_trace(baseline, by_token="q2", measure=measure)
    for measure in ("foo", "1:2:3", "top:2"):
        with pytest.raises(EffectError, match=r"give top:0\.2"):
            effects_of_trace(baseline, measure=measure)
    with pytest.raises(MoeCoreError, match="no recorded question nobody"):
        effects_of_trace(baseline, by_token="nobody", measure="0:1")
