"""A trace of plain text in the window: what is counted are texts, and none of them was asked anything."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from app.state.pinned_runs import Pins
from app.window.demo import demo_request
from app.window.main_window import MainWindow
from moe_core.interventions.intervention import act_on
from moe_core.jobs.record import record
from moe_core.measures.scope import Scope
from tests.job_results import result_of


@pytest.fixture(scope="module")
def text_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three lines, read by the demo's model."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "tale.txt").write_text("The sea is blue.\nPeople sing and dance.\nNo.\n", encoding="utf-8")
    return result_of(record(replace(demo_request(folder), quiz=f"text:{folder / 'tale.txt'}"))).path


@pytest.mark.parametrize("scope", Scope)
def test_texts_are_counted_as_texts(window: MainWindow, text_path: Path, scope: Scope) -> None:
    """In the tool bar, below grid and curves, and on the expert's page."""
    assert window.open_trace(text_path)
    window.session.set(replace(window.session.state, scope=scope, experts=frozenset({(0, 14)})))
    for name in ("experts", "entropy", "expert"):
        window.docks[name].raise_()
        QApplication.processEvents()
    said = [label.text() for label in window.findChildren(QLabel) if label.isVisible() or "3 " in label.text()]
    assert not [text for text in said if "3 questions" in text]
    assert len([text for text in said if "3 texts" in text]) >= 4


def test_what_counts_texts_elsewhere_says_so(window: MainWindow, text_path: Path) -> None:
    """The filter's tip, what a what-if would touch, and what runs are compared over."""
    other = Path(shutil.copy(text_path, text_path.with_name("other.h5")))
    assert window.open_trace(text_path)
    session = window.session
    mask = act_on([(0, 14)], "reroute")
    session.set(replace(session.state, intervention=mask, pins=Pins().with_runs([text_path, other])))
    views = {name: window.enter_view(name) or window.views[name] for name in ("questions", "what_if", "runs")}
    QApplication.processEvents()
    assert views["questions"].bar.count.toolTip() == "3 of 3 texts pass the filter; every view counts these alone."
    assert "In 3 texts this touches " in (touched := views["what_if"].editor.preview.text())
    assert " last-token and " in touched
    assert views["runs"].note.text() == "n = 3 texts that both runs read, scope answer."
