"""What is kept between sessions whatever trace is open comes back, also where its view was never seen."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Settings
from app.state.pinned_runs import Pins
from app.state.session import Session
from app.state.what_if_state import Rerun, SubsetKind
from app.window.remembered.kept_state import bring_back, keep


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of its own."""
    return Settings(tmp_path / "settings.ini")


def test_it_comes_back(session: Session, settings: Settings, trace_path: Path) -> None:
    """How what-ifs are run, the analysis, the runs side by side, and whether unsupported differences are coloured."""
    rerun = Rerun("drop", 1.5, SubsetKind.SAMPLE, 12, 3, 20)
    state = replace(session.state, rerun=rerun, shows_unsupported=True)
    state = replace(
        state, atlas=replace(state.atlas, analysis="router-similarity"), pins=Pins((trace_path,), trace_path)
    )
    keep(state, settings)
    bring_back(session, settings)
    assert session.state.rerun == rerun
    assert session.state.shows_unsupported
    assert session.state.atlas.analysis == "router-similarity"
    assert session.state.pins == state.pins
    assert not session.undo_stack.canUndo()


WRONG: list[dict[str, object]] = [
    {"effect": [], "subset": 4, "sample": 0, "seed": -1, "controls": 7, "factor": "x", "pins": 5, "other": {}},
    {
        "sample": True,
        "factor": float("nan"),
        "seed": 2**40,
        "effect": "explode",
        "unsupported": 1,
        "pins": {"paths": 1},
    },
]


@pytest.mark.parametrize("kept", WRONG)
def test_nonsense_does_not(session: Session, settings: Settings, kept: dict[str, object]) -> None:
    """Wrong kinds and values are passed over."""
    before = session.state
    settings.put("state", kept)
    bring_back(session, settings)
    assert session.state == before


def test_what_views_kept_up_to_0_4_is_taken_up(session: Session, settings: Settings, trace_path: Path) -> None:
    """Under their names."""
    settings.put("view-what_if", {"effect": "drop", "sample": 12, "adds": True})
    settings.put("view-atlas", {"analysis": "router-similarity"})
    settings.put("view-experts", {"unsupported": True, "marginals": "sum"})
    settings.put("view-runs", {"pins": Pins((trace_path,)).to_json(), "page": 2})
    bring_back(session, settings)
    assert (session.state.rerun.effect, session.state.rerun.sample) == ("drop", 12)
    assert session.state.atlas.analysis == "router-similarity"
    assert session.state.shows_unsupported
    assert session.state.pins.paths == (trace_path,)
