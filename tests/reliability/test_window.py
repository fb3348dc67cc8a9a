"""The window with files from strangers, damaged settings, and a library of which most is damaged."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from app.actions.menus import Menus
from app.settings import Settings
from app.start.application import open_first
from app.window.main_window import MainWindow
from moe_core.measures.scope import Scope
from moe_core.quizzes.question import Question
from moe_core.traces.library import Condition, Library
from moe_core.traces.writing.creation import create_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.reliability.hostile_files import HOSTILE, make_canaries
from tests.traces.copied_trace import copy_trace, with_values
from tests.traces.synthetic_run import SyntheticRun, record

RICH = '<img src="file:///tmp/canary.png"><b onclick="x">Rich</b>'
DAMAGED = (
    *("external_link", "soft_group", "compound", "compression_bomb", "nested_specification", "shape_bomb_of_holes"),
    *("huge_header", "overlapping_extents", "a_pipe", "root_behind_the_end"),
)


@pytest.fixture
def rich_trace(tmp_path: Path) -> Path:
    """A sound trace whose every text is markup."""
    run = SyntheticRun(n_questions=12)
    questions = tuple(
        Question(f"{RICH}{n}", RICH, f"{RICH} {n}", (f"{RICH}a", f"{RICH}b", f"{RICH}c", f"{RICH}d"), question.gold)
        for n, question in enumerate(run.tokenised.questions)
    )
    specification = run.specification
    model = replace(specification.model, name=RICH, source=RICH)
    specification = replace(specification, model=model, quiz=replace(specification.quiz, name=RICH), created=RICH)
    path = tmp_path / "rich.h5"
    create_trace(path, specification, replace(run.tokenised, questions=questions), dict.fromkeys(range(50), RICH))
    with TraceWriter(path) as writer:
        writer.write(list(run.records()))
    return path


def would_render(window: QWidget) -> list[str]:
    """The texts of strangers that Qt would take for markup: in labels, tool tips and tables."""
    found = []
    for widget in window.findChildren(QWidget):
        if "<img" in widget.toolTip():
            found.append(f"tool tip of {widget.objectName() or type(widget).__name__}: {widget.toolTip()}")
        is_open = isinstance(widget, QLabel) and widget.textFormat() != Qt.TextFormat.PlainText
        if is_open and "<img" in widget.text():
            found.append(f"label {widget.objectName()}: {widget.text()}")
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            found += [f"table {widget.objectName()}: {text}" for text in tips(widget.model())]
    return found


def tips(model: QAbstractItemModel) -> list[str]:
    """The tool tips of the first rows that Qt would take for markup."""
    is_list = isinstance(model, QAbstractListModel)
    rows, columns = range(min(20, model.rowCount())), range(1 if is_list else min(20, model.columnCount()))
    texts = [model.data(model.index(row, column), Qt.ItemDataRole.ToolTipRole) for row in rows for column in columns]
    return [text for text in texts if isinstance(text, str) and "<img" in text]


def test_markup_in_a_trace_is_text(window: MainWindow, rich_trace: Path, qtbot: QtBot) -> None:
    """In every view, with a question, a token and an expert chosen: nothing of it would be rendered or loaded."""
    assert window.open_trace(rich_trace)
    window.session.set(replace(window.session.state, question=3, token=0, layer=1, experts=frozenset({(0, 1), (1, 2)})))
    for dock in window.docks.values():
        dock.show()
        dock.raise_()
        QApplication.processEvents()
        assert would_render(window) == []
    assert RICH in window.windowTitle() or "rich.h5" in window.windowTitle()


def test_a_sentence_about_a_hostile_file_is_text(window: MainWindow, tmp_path: Path) -> None:
    """Names of files are strangers' words too."""
    bad = tmp_path / "<img src=x>.h5"
    bad.write_bytes(b"no trace")
    assert not window.open_trace(bad)
    assert would_render(window) == []
    assert not window.findChildren(QMessageBox)


def test_ten_damaged_files_hide_no_good_one(tmp_path: Path) -> None:
    """Each is one entry with one sentence; the five good ones stand beside them."""
    make_canaries(tmp_path)
    for name in DAMAGED:
        HOSTILE[name](tmp_path)
    library = tmp_path / "library"
    library.mkdir()
    for number in range(5):
        record(library / f"good{number}.h5", SyntheticRun())
    for path in tmp_path.glob("*.h5"):
        if path.stem in DAMAGED:
            path.rename(library / path.name)
    entries = {entry.path.stem: entry for entry in Library().entries(library)}
    assert len(entries) == 15
    for name, entry in entries.items():
        assert (entry.condition is not Condition.DAMAGED) == name.startswith("good"), entry
        assert "\n" not in entry.problem


def test_settings_of_any_kind_open_a_window(tmp_path: Path, qtbot: QtBot) -> None:
    """Random bytes, random JSON in the place of each value, a file of a later version, a folder."""
    path, rng = tmp_path / "settings.ini", random.Random(0)
    good = Settings(path)
    good.library = tmp_path / "library"
    window = MainWindow(good)
    window.show()
    window.close_without_asking()
    window.deleteLater()
    text = path.read_bytes()
    contents = [bytes(rng.randrange(256) for _ in range(300)), text[: len(text) // 2], text.replace(b"=", b"=\x00\xff")]
    wrong = [json.dumps(value) for value in (None, [], {"paths": 5}, "x" * 1000, 10**30)]
    names = [line.split(b"=")[0] for line in text.splitlines() if b"=" in line]
    for value in wrong:
        contents.append(b"[General]\n" + b"\n".join(name + b"=" + value.encode() for name in names))
    for content in contents:
        path.write_bytes(content)
        settings = Settings(path)
        settings.library = tmp_path / "library"
        window = MainWindow(settings)
        Menus(window)
        window.show()
        open_first(window, None)
        QApplication.processEvents()
        window.close_without_asking()
        window.deleteLater()


def test_settings_of_a_later_version_are_set_aside_with_a_notice(tmp_path: Path) -> None:
    """What a newer moescope wrote is kept for it, and said."""
    path = tmp_path / "settings.ini"
    path.write_text("[General]\nformat=99\nscheme=holographic\n")
    settings = Settings(path)
    assert settings.text("scheme") == ""
    assert "newer" in settings.notice
    assert "holographic" in (tmp_path / "settings.newer.ini").read_text()
    settings.put("scheme", "dark")
    settings.save()
    again = Settings(path)
    assert (again.text("scheme"), again.notice) == ("dark", "")


def shown_sentences(window: MainWindow) -> list[str]:
    """What the views say in the place of what they would show."""
    for dock in window.docks.values():
        dock.show()
        dock.raise_()
        QApplication.processEvents()
    return [label.text() for view in window.views.values() for label in view.findChildren(QLabel) if label.isVisible()]


def test_a_question_that_cannot_be_read_leaves_the_window_standing(window: MainWindow, tmp_path: Path) -> None:
    """Its text is no JSON, under a right checksum: a sentence stands where it cannot be shown."""

    def spoilt(content: np.ndarray) -> np.ndarray:
        return np.concatenate([np.frombuffer(b"[]", np.uint8), content[2:]])

    good = record(tmp_path / "good.h5", SyntheticRun())
    bad = copy_trace(good, tmp_path / "bad.h5", replaced={"questions/content": with_values(spoilt)})
    window.open_trace(bad)
    window.session.set(replace(window.session.state, question=0))
    said = [*shown_sentences(window), window.message_bar.text]
    assert any("The text of question 0 of" in text for text in said), said


def test_a_file_that_shrinks_while_it_is_shown(window: MainWindow, tmp_path: Path) -> None:
    """As when a disk is pulled out: the views that need what is gone say so."""
    path = record(tmp_path / "run.h5", SyntheticRun())
    assert window.open_trace(path)
    with path.open("r+b") as file:
        file.truncate(3000)
    for question in (3, 5):
        window.session.set(replace(window.session.state, question=question, scope=Scope.PROMPT))
    said = shown_sentences(window)
    assert any("cut short" in text for text in said), said
