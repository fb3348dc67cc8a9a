"""`moescope analyse`: JSON as promised, files where they are asked for, one sentence for what does not fit."""

import json
from pathlib import Path

import pytest

from moe_core.commands.analyse import read_expert, read_layers, run_analysis
from moe_core.errors import AnalysisError, ModelError, MoeCoreError, Remedy, TraceError


def test_json_of_the_demo_s_weights(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The keys of the contract; stdout is JSON alone, also when files are written."""
    name, figure = "expert-weight-similarity", tmp_path / "f.svg"
    run_analysis(name, model="demo", layers="1,3", as_json=True, csv=tmp_path / "t", figure=figure, key="up")
    data = json.loads(capsys.readouterr().out)
    assert (data["analysis"], data["model"], data["layers"]) == ("expert-weight-similarity", "demo", [1, 3])
    assert (data["axes"], data["unit"]) == (["layer", "expert", "expert"], "cosine")
    assert list(data["values"]) == ["up", "gate", "down"]
    assert len(data["values"]["up"]) == 2
    assert data["values"]["up"][0][4][4] == pytest.approx(1.0)
    assert data["values"]["up"][0][4][7] == pytest.approx(data["values"]["up"][0][7][4])
    head, _, row = (tmp_path / "t" / "expert-weight-similarity-up.csv").read_text().splitlines()[1:4]
    assert head == "layer,expert,other expert,up (cosine)"
    assert row.startswith("1,0,1,")
    assert figure.read_text().startswith("<?xml")
    assert not list(tmp_path.glob("t/*tau*"))


def test_what_was_not_computed_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    """A sample of pairs leaves the others unknown."""
    run_analysis("expert-matched-similarity", model="demo", layers="0", pairs=2, as_json=True)
    rows = json.loads(capsys.readouterr().out)["values"]["tau_up"][0]
    assert sum(value is not None for row in rows for value in row) == 32 + 4


def test_the_layers_of_a_text() -> None:
    """Numbers and ranges, each once."""
    assert read_layers("") is None
    assert read_layers("7,0,3-5,4") == (0, 3, 4, 5, 7)
    assert read_expert("3:12") == (3, 12)
    for text in ("a", "3-", "-1", "1,,2"):
        with pytest.raises(AnalysisError, match="no list of layers"):
            read_layers(text)


def test_what_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    """A name, a layer, a key or a file that is not there; a figure that is no SVG."""
    with pytest.raises(AnalysisError, match='no analysis "x"'):
        run_analysis("x")
    with pytest.raises(AnalysisError, match="none is named") as no_model:
        run_analysis("router-similarity")
    assert Remedy.NAME_WEIGHTS in no_model.value.remedies
    with pytest.raises(AnalysisError, match="Layer 40 has no experts"):
        run_analysis("router-similarity", model="demo", layers="40")
    with pytest.raises(AnalysisError, match='no "tau" in router-similarity: choose similarity'):
        run_analysis("router-similarity", model="demo", layers="0", figure=tmp_path / "f.svg", key="tau")
    with pytest.raises(MoeCoreError, match=r"f.gif is no figure: name it .svg"):
        run_analysis("router-similarity", model="demo", figure=tmp_path / "f.gif")
    with pytest.raises(MoeCoreError, match=r"f.pdf can be drawn by the program moescope alone"):
        run_analysis("router-similarity", model="demo", figure=tmp_path / "f.pdf")
    with pytest.raises(TraceError):
        run_analysis("router-similarity", tmp_path / "absent.h5")
    with pytest.raises(ModelError):
        run_analysis("router-similarity", model=str(tmp_path))
