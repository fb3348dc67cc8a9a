"""Named masks as files: kept, switched between, shared; a damaged one costs a sentence and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from app.content.mask_editing import with_experts
from app.settings import Settings
from app.window.main_window import MainWindow
from moe_core.interventions.file import read_intervention, save_intervention
from moe_core.interventions.intervention import act_on

MASK = frozenset({(0, 3), (2, 1)})


@pytest.fixture
def masked(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace with two experts in the mask."""
    window.open_trace(trace_path)
    window.session.set(with_experts(window.session.state, MASK))
    return window


def names(window: MainWindow) -> list[str]:
    """The masks that can be switched to."""
    return [mask.name for mask in window.session.state.masks]


def test_kept_switched_to_and_deleted(masked: MainWindow) -> None:
    """A file each, under whatever name; the one that is edited stays when its file goes."""
    masked.mask_files.keep("a/b: <odd>")
    assert names(masked) == ["a/b: <odd>"]
    assert masked.session.state.intervention.name == "a/b: <odd>"
    masked.session.set(with_experts(masked.session.state, {(1, 1)}))
    assert masked.session.state.intervention.name == ""
    masked.mask_files.keep("one")
    masked.mask_files.keep("ONE")
    assert names(masked) == ["a/b: <odd>", "ONE", "one"]
    masked.session.set(replace(masked.session.state, intervention=masked.session.state.masks[0]))
    assert masked.session.state.intervention.reroute == MASK
    masked.session.request("delete_mask")
    assert names(masked) == ["ONE", "one"]
    assert masked.session.state.intervention.reroute == MASK
    assert not masked.findChild(QAction, "action-delete_mask").isEnabled()
    assert len(list((masked.settings.library / "masks").iterdir())) == 2


def test_single_neurons_come_into_the_mask(masked: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside its experts, shown as a chip, hatched, and taken back by undo; what is wrong is a sentence."""
    asked: list[str] = []

    def answer(text: str) -> None:
        monkeypatch.setattr(QInputDialog, "getText", lambda *given: (asked.append(given[4]) or text, True))
        masked.session.request("mask_neurons")

    answer("1:5:0-2, 1:5:7")
    mask = masked.session.state.intervention
    assert (mask.reroute, mask.neurons_of) == (MASK, {(1, 5): (0, 1, 2, 7)})
    for wrong, sentence in (
        ("1:5", "1:5 is a whole expert"),
        ("1:99:0", "Expert 1:99 does not exist"),
        ("0:3:1", "has two actions"),
        ("x", "is no expert"),
    ):
        answer(wrong)
        assert sentence in masked.message_bar.text
        assert masked.session.state.intervention == mask
    assert asked == ["", *["1:5:0-2, 1:5:7"] * 4]
    masked.session.undo_stack.undo()
    assert masked.session.state.intervention.neurons == frozenset()


def test_a_folder_that_cannot_be_made_is_one_sentence(masked: MainWindow) -> None:
    """Without the system's number of the error."""
    masked.settings.library.mkdir(parents=True, exist_ok=True)
    (masked.settings.library / "masks").write_text("a file in the folder's place", encoding="utf-8")
    masked.mask_files.keep("one")
    assert masked.message_bar.text.endswith("masks cannot be written (File exists).")
    assert masked.message_bar.text.startswith("/")


def test_the_same_name_replaces(masked: MainWindow) -> None:
    """One file, with the newer mask."""
    masked.mask_files.keep("one")
    masked.session.set(with_experts(masked.session.state, {(1, 1)}))
    masked.mask_files.keep("one")
    (path,) = (masked.settings.library / "masks").iterdir()
    assert read_intervention(path).reroute == {(1, 1)}
    assert names(masked) == ["one"]


def test_a_damaged_file_is_said_and_left_alone(masked: MainWindow) -> None:
    """The others are still there, and the mask that is edited too."""
    masked.mask_files.keep("one")
    bad = masked.settings.library / "masks" / "bad.json"
    bad.write_text("{", encoding="utf-8")
    masked.mask_files.read()
    assert "bad.json" in masked.message_bar.text
    assert names(masked) == ["one"]
    assert bad.exists()
    masked.mask_files.read_file(bad)
    assert masked.message_bar.text.startswith("bad.json is not used.")
    assert masked.session.state.intervention.reroute == MASK


def test_a_damaged_file_is_said_when_the_window_opens(tmp_path: Path, qtbot: QtBot) -> None:
    """And stays said: the window has its bars and docks by then."""
    settings = Settings(tmp_path / "settings.ini")
    settings.library = tmp_path / "library"
    (settings.library / "masks").mkdir(parents=True)
    (settings.library / "masks" / "bad.json").write_text("{")
    window = MainWindow(settings)
    window.show()
    assert "bad.json" in window.message_bar.text
    window.close_without_asking()
    window.deleteLater()


def test_shared_and_read_again(masked: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a file that the command line takes too; a mask of a larger model is refused with the expert named."""
    path = tmp_path / "mine.json"
    monkeypatch.setattr("app.files.mask_files.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    masked.session.request("write_mask")
    assert read_intervention(path).reroute == MASK
    masked.session.request("clear_mask")
    monkeypatch.setattr("app.files.mask_files.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    masked.session.request("read_mask")
    assert masked.session.state.intervention.reroute == MASK
    save_intervention(path, act_on([(9, 60)], "drop"))
    masked.session.request("read_mask")
    assert "Expert 9:60 does not exist" in masked.message_bar.text
    assert masked.session.state.intervention.reroute == MASK


def test_a_folder_that_cannot_be_written_to_is_said(masked: MainWindow) -> None:
    """The mask stays as it is."""
    masked.settings.library.mkdir(exist_ok=True)
    (masked.settings.library / "masks").write_text("a file", encoding="utf-8")
    masked.mask_files.keep("one")
    assert masked.message_bar.text
    assert names(masked) == []
    assert masked.session.state.intervention.reroute == MASK
