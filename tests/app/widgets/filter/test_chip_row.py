"""Conditions as chips: removed one by one or all together, by mouse and keys, however narrow it gets."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.filter.chip_row import ChipRow

TEXTS = {"text": "“what”", "subjects": "reading or capitals", "margin": "margin ≥ 3"}


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    """A window of its own for the chips."""
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def row(window: QWidget, qtbot: QtBot) -> ChipRow:
    """Three chips."""
    made = ChipRow()
    column = QVBoxLayout(window)
    column.addWidget(made)
    column.addStretch()
    window.resize(700, 200)
    with qtbot.waitActive(window):
        window.show()
    made.set_chips(TEXTS)
    return made


def test_a_click_names_the_chip_to_remove(row: ChipRow, qtbot: QtBot) -> None:
    """Delete, Backspace, Return and Space do the same."""
    removed: list[str] = []
    row.removed.connect(removed.append)
    qtbot.mouseClick(row.chips[1], Qt.MouseButton.LeftButton)
    for key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Space):
        qtbot.keyClick(row.chips[2], key)
    assert removed == ["subjects"] + ["margin"] * 4


def test_all_go_with_one_click(row: ChipRow, qtbot: QtBot) -> None:
    """Which is offered where there is more than one."""
    clear = next(button for button in row.findChildren(QAbstractButton) if button.text() == "Clear all")
    with qtbot.waitSignal(row.cleared):
        qtbot.mouseClick(clear, Qt.MouseButton.LeftButton)
    row.set_chips({"text": "“what”"})
    assert not clear.isVisible()
    row.set_chips({})
    assert not row.isVisible()


def test_the_focus_stays_in_the_row_when_a_chip_goes(row: ChipRow) -> None:
    """On the one that takes its place, or the last one."""
    row.chips[2].setFocus()
    row.set_chips({name: TEXTS[name] for name in ("text", "subjects")})
    assert row.chips[1].hasFocus()


def test_the_same_chips_are_not_made_anew(row: ChipRow) -> None:
    """A redraw while someone clicks must not take the chip away under the pointer."""
    before = row.chips
    row.set_chips(dict(TEXTS))
    assert row.chips == before


def test_chips_wrap_and_a_long_one_is_no_wider_than_the_row(row: ChipRow, qtbot: QtBot) -> None:
    """The row grows in height; a long text is whole in the tooltip, letter by letter."""
    assert len({chip.y() for chip in row.chips}) == 1
    row.set_chips({**TEXTS, "ids": "<b>" + "long " * 60})
    row.window().resize(240, 300)
    qtbot.waitUntil(lambda: row.chips[0].y() < row.chips[2].y() < row.chips[3].y())
    assert all(chip.geometry().right() <= row.width() for chip in row.chips)
    assert row.height() >= row.chips[-1].geometry().bottom()
    assert "&lt;b&gt;" + "long " * 60 in row.chips[-1].toolTip()
