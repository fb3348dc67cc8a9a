"""What experts are called: asked for by key, seen in heading, grid and palette, undone, kept beside the model."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from app.actions.palette import _experts
from app.views.expert.view import ExpertView
from app.views.experts.view import ExpertsView
from app.widgets.plots.grid.grid_layout import Place
from app.window.main_window import MainWindow
from moe_core.analyses.expert_contributions import compute
from moe_core.measures.scope import Scope
from moe_core.models.expert_names import read_names, save_names
from moe_core.reports.formats.json_format import JSON
from moe_core.reports.formats.text import TEXT
from moe_core.traces.reader import open_trace

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def path(window: MainWindow, trace_path: Path, tmp_path: Path) -> Path:
    """A copy of the tiny trace, open; its model is nowhere, so that names lie beside it."""
    copied = Path(shutil.copy(trace_path, tmp_path / "T.h5"))
    assert window.open_trace(copied)
    return copied


def kept(path: Path) -> dict[tuple[int, int], str]:
    """What is in the file."""
    with open_trace(path) as trace:
        return read_names(trace.specification.model, path.parent)


def call(window: MainWindow, cell: tuple[int, int], name: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Select an expert and name it by F2."""
    window.session.set(replace(window.session.state, experts=frozenset({cell})))
    monkeypatch.setattr(QInputDialog, "getText", lambda *arguments: (name, True))
    qtbot.keyClick(window, Qt.Key.Key_F2)


def test_a_name_is_seen_everywhere_and_undone(
    window: MainWindow, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the expert's heading, at the cell, in the palette; Ctrl+Z takes it out of the file, too."""
    call(window, (1, 2), " dates  and years", qtbot, monkeypatch)
    own = window.session.state.trace.specification.model.layers[1]  # type: ignore[union-attr]  # a trace is open
    assert kept(path) == {(own, 2): "dates and years"}
    window.show_view("expert")
    expert, grid = window.views["expert"], window.views["experts"]
    assert isinstance(expert, ExpertView)
    assert isinstance(grid, ExpertsView)
    qtbot.waitUntil(lambda: expert.heading.title.text().endswith("“dates and years”"))
    assert "“dates and years”" in grid._tip(Place(1, 2))
    assert [choice.name.endswith("“dates and years”") for choice in _experts(window, "YEARS dat")] == [True]
    assert _experts(window, "years of") == []
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert not window.session.state.names
    assert not kept(path)
    call(window, (1, 2), "verbs", qtbot, monkeypatch)
    call(window, (1, 2), "", qtbot, monkeypatch)
    assert not kept(path)


def test_names_of_another_window_stay(
    window: MainWindow, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what changed is written, and what was given elsewhere is shown then."""
    with open_trace(path) as trace:
        model = trace.specification.model
    save_names(model, path.parent, {(model.layers[0], 5): "nouns", (99, 0): "of no layer"})
    call(window, (1, 2), "verbs", qtbot, monkeypatch)
    assert window.session.state.names == {(0, 5): "nouns", (1, 2): "verbs"}
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert kept(path) == {(model.layers[0], 5): "nouns", (99, 0): "of no layer"}


def test_a_file_that_cannot_be_read_is_told_and_stays(
    window: MainWindow, path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when an expert is named meanwhile."""
    call(window, (1, 2), "verbs", qtbot, monkeypatch)
    (file,) = path.parent.glob("*.names.json")
    file.write_text("precious")
    call(window, (0, 0), "nouns", qtbot, monkeypatch)
    assert "cannot be read" in window.message_bar.text
    assert file.read_text() == "precious"
    assert window.session.state.names == {(1, 2): "verbs"}


def test_reports_say_the_name(path: Path) -> None:
    """Where an expert is the best or the worst of its layer."""
    with open_trace(path) as trace:
        best = compute(trace, Scope.ANSWER, 1).main.layers[0].best
        assert best is not None
        model = trace.specification.model
        save_names(model, path.parent, {(model.layers[0], best.expert): "dates"})
        report = compute(trace, Scope.ANSWER, 1)
    assert f"{best.expert} “dates”" in "".join(TEXT.render(report).values())
    assert '"name": "dates"' in "".join(JSON.render(report).values())
