"""A model's card tells what a person calls its experts."""

import json
import shutil
from pathlib import Path

import pytest

from moe_core.analyses.routing.load_balance import LOAD_BALANCE
from moe_core.commands.atlas import atlas
from moe_core.models.expert_names import save_names
from moe_core.traces.reader import open_trace


def test_the_card_tells_names_given_to_experts(
    small_trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they lie beside the traces; without a file there are none."""
    monkeypatch.setattr("moe_core.jobs.atlas.ANALYSES", (LOAD_BALANCE,))
    trace = Path(shutil.copy(small_trace, tmp_path / "T.h5"))
    atlas("", trace, as_json=True)
    assert json.loads(capsys.readouterr().out)["names"] == {}
    with open_trace(trace) as opened:
        save_names(opened.specification.model, tmp_path, {(1, 3): "years"})
    atlas("", trace, html=tmp_path / "card.html", as_json=True)
    assert json.loads(capsys.readouterr().out)["names"] == {"1:3": "years"}
    assert "years" in (tmp_path / "card.html").read_text("utf-8")
