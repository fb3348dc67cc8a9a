"""What of the state is kept between sessions, whatever trace is open: how what-ifs are run, the runs side by side .."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.content.mask_editing import KINDS
from app.settings import Settings
from app.state.pinned_runs import Pins
from app.state.session import Session
from app.state.state import State
from app.state.what_if_state import CONTROLS, SubsetKind

_NAME = "state"
_WAS_KEPT_BY = ("what_if", "atlas", "experts", "runs")
"""Views under whose names all of this was kept up to 0.4."""


def keep(state: State, settings: Settings) -> None:
    """Write down what is to be there the next time."""
    rerun = state.rerun
    kept = {
        "effect": rerun.effect,
        "factor": rerun.factor,
        "subset": rerun.subset.value,
        "sample": rerun.sample,
        "seed": rerun.seed,
        "controls": rerun.controls,
        "analysis": state.atlas.analysis,
        "unsupported": state.shows_unsupported,
        "pins": state.pins.to_json(),
    }
    settings.put(_NAME, kept)


def bring_back(session: Session, settings: Settings) -> None:
    """The inverse; unknown or wrong values are passed over."""
    kept: dict[str, Any] = {}
    for name in (*(f"view-{view}" for view in _WAS_KEPT_BY), _NAME):
        kept |= settings.data(name)
    checked = {name: kept[name] for name, is_valid in _IS_VALID.items() if name in kept and is_valid(kept[name])}
    if "subset" in checked:
        checked["subset"] = SubsetKind(checked["subset"])
    state = session.state
    atlas = replace(state.atlas, analysis=str(kept.get("analysis", state.atlas.analysis)))
    is_all = kept.get("unsupported") is True
    session.set(replace(state, rerun=replace(state.rerun, **checked), atlas=atlas, shows_unsupported=is_all))
    session.show_pins(Pins.from_json(kept.get("pins")))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


_IS_VALID: dict[str, Callable[[Any], bool]] = {
    "effect": lambda value: value in KINDS,
    "factor": lambda value: isinstance(value, int | float) and 0 <= value <= 100,
    "subset": lambda value: value in list(SubsetKind),
    "sample": lambda value: _is_count(value) and value != 0,
    "seed": _is_count,
    "controls": lambda value: _is_count(value) and value in CONTROLS,
}
