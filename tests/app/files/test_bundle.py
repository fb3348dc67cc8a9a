"""The bundle: one zip with report, figures, tables, masks, notes and commands that the command line understands."""

import json
import shlex
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.content.mask_editing import with_experts
from app.content.note_editing import toggled_question
from app.files.bundle import Repeated, bundle_commands
from app.window.main_window import MainWindow
from moe_core.commands import COMMANDS
from moe_core.interventions.intervention import Intervention


@pytest.fixture
def browsed(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace, with a mask and a bookmark."""
    window.open_trace(trace_path)
    window.session.set(with_experts(window.session.state, {(1, 3)}))
    window.session.set(toggled_question(window.session.state))
    QApplication.processEvents()
    return window


def test_a_bundle_holds_all_of_it(
    browsed: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under names that say what they are, and of views never seen, too; nothing unfinished is left."""
    browsed.show_view("runs")
    assert "ranking" not in {view.name for view in browsed.views.made}
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr("app.files.bundle.QFileDialog.getSaveFileName", lambda *asked: (str(folder / "all"), ""))
    with qtbot.waitSignal(browsed.file_runner.ended):
        browsed.session.request("export_bundle")
    (path,) = folder.iterdir()
    assert path.name == "all.zip"
    assert "all.zip" in browsed.message_bar.text
    with zipfile.ZipFile(path) as bundle:
        names = bundle.namelist()
        texts = {name: bundle.read(name).decode("utf-8") for name in names}
    assert texts["report.html"].startswith("<!DOCTYPE html>")
    assert {"tables/layers.csv", "tables/experts.csv", "notes.json", "commands.txt"} <= set(names)
    assert any(name.startswith("figures/") and "<svg" in texts[name][:200] for name in names)
    drawn = " ".join(name for name in names if name.startswith("figures/"))
    assert all(title in drawn for title in ("-experts-", "-entropy-", "-ranking")), drawn
    (mask,) = (name for name in names if name.startswith("masks/"))
    assert Intervention.from_json(json.loads(texts[mask])).mask == frozenset({(1, 3)})
    commands = [shlex.split(line) for line in texts["commands.txt"].splitlines() if not line.startswith("#")]
    assert {words[1] for words in commands} <= {command.name for command in COMMANDS}
    assert commands[0][:2] == ["moescope", "record"]
    assert commands[0][commands[0].index("--ids") + 1] == "questions.txt"
    trace = browsed.session.state.trace
    assert trace is not None
    assert tuple(texts["questions.txt"].splitlines()) == trace.trace.ids


def test_the_recording_is_the_command_of_its_bundle(browsed: MainWindow) -> None:
    """The same questions, keywords of the template and intervention, not all of the quiz; plain text stays text."""
    trace = browsed.session.state.trace
    assert trace is not None
    run = trace.specification
    assert run.quiz.source
    keywords = {"enable_thinking": False}
    other = replace(run, template="tool_use", template_args=keywords, quiz=replace(run.quiz, source="/quiz/a.csv"))
    made = SimpleNamespace(path=trace.path, specification=other, trace=SimpleNamespace(n_choices=np.array([0, 0])))
    state = SimpleNamespace(trace=made, scope="answer")
    lines = bundle_commands(state, "q.txt", "m.json", [Repeated("one", "w.json", "w.txt")]).splitlines()  # type: ignore[arg-type]  # what it reads
    record = shlex.split(lines[1])
    for option, value in (
        ("--quiz", "text:/quiz/a.csv"),
        ("--ids", "q.txt"),
        ("--intervention", "m.json"),
        ("--template", "tool_use"),
        ("--template-args", "enable_thinking=false"),
    ):
        assert record[record.index(option) + 1] == value
    assert shlex.split(lines[-1])[3:] == ["--intervention", "w.json", "--ids", "w.txt"]


def test_a_place_that_cannot_be_written_is_said(
    browsed: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, and a trace is never replaced."""
    state = browsed.session.state
    assert state.trace is not None
    before = state.trace.path.read_bytes()
    target = tmp_path / "taken.zip"
    target.write_bytes(before)
    for place, reason in ((tmp_path / "nowhere" / "a.zip", "No such file"), (target, "is a trace")):
        monkeypatch.setattr("app.files.bundle.QFileDialog.getSaveFileName", lambda *asked, at=place: (str(at), ""))
        browsed.session.request("export_bundle")
        qtbot.waitUntil(lambda reason=reason: reason in browsed.message_bar.text)
    assert target.read_bytes() == before
