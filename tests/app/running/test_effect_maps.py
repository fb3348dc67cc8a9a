"""Effects from the window: predicted and measured in the background, shown as they come, kept in their file."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from app.content.effects import shown_effects
from app.state.what_if_state import SubsetKind
from app.window.main_window import MainWindow
from moe_core.effects.map_file import map_paths, read_map
from moe_core.measures.question_filter import QuestionFilter

HARMFUL = (1, 25)


def test_predicted_then_measured(window: MainWindow, demo_path: Path, tmp_path: Path, qtbot: QtBot) -> None:
    """Predicting the festivals finds the expert that holds them; measuring gives it an interval, in the same file."""
    assert window.open_trace(Path(shutil.copy(demo_path, tmp_path / "demo.h5")))
    state = window.session.state
    rerun = replace(state.rerun, subset=SubsetKind.SELECTION)
    window.session.set(replace(state, filter=QuestionFilter(subjects=("festivals",)), rerun=rerun))
    with qtbot.waitSignal(window.effect_maps.finished) as ended:
        window.session.request("predict_effects")
    assert ended.args[0].outcome == "done"
    shown = shown_effects(window.session.state)
    assert shown is not None
    assert shown.ranked()[0] == HARMFUL
    assert not shown.cells.is_measured[HARMFUL]
    window.session.set(replace(window.session.state, experts=frozenset({HARMFUL})))
    with qtbot.waitSignal(window.effect_maps.finished):
        window.session.request("measure_selected")
    shown = shown_effects(window.session.state)
    assert shown is not None
    assert shown.cells.is_measured[HARMFUL]
    assert shown.measured.upper[HARMFUL] < 0
    [path] = map_paths(tmp_path / "demo.h5")
    np.testing.assert_array_equal(read_map(path).effects, shown.effect_map.effects)
