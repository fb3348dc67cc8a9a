"""The line above the views: as high as its text, and coloured by what it says."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.widgets.messages.message_bar import MessageBar
from tests.app.picture import picture_of

SENTENCE = "run.h5 was made by another command. Give another name under “Trace”. "


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    """A window of 900 pixels."""
    made = QMainWindow()
    made.resize(900, 400)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def bar(window: QMainWindow, qtbot: QtBot) -> MessageBar:
    """The bar in it, with a sentence."""
    made = MessageBar()
    window.addToolBar(made)
    window.show()
    made.say(SENTENCE)
    qtbot.waitUntil(lambda: made.width() > 800)
    return made


def test_it_is_as_high_as_its_lines(window: QMainWindow, bar: MessageBar, qtbot: QtBot) -> None:
    """One line for one sentence, more where there is more to say, and fewer in a wider window."""
    line = bar.fontMetrics().lineSpacing()
    qtbot.waitUntil(lambda: bar.height() < 2.9 * line)
    one = bar.height()
    bar.say(SENTENCE * 8)
    qtbot.waitUntil(lambda: bar.height() > one + 2 * line)
    many = bar.height()
    window.resize(3000, 400)
    qtbot.waitUntil(lambda: bar.height() < many)


def test_its_ground_says_what_it_is(bar: MessageBar) -> None:
    """Reddish for a failure, bluish for what is good to know."""

    def ground() -> QColor:
        return picture_of(bar).pixelColor(QPoint(bar.width() // 2, 2))

    assert ground().red() > ground().blue()
    bar.say(SENTENCE, is_failure=False)
    assert ground().blue() > ground().red()


def test_a_remedy_has_a_button(bar: MessageBar, qtbot: QtBot) -> None:
    """It wants the action that was offered, and the sentence is gone; the next sentence offers nothing."""
    assert not bar.button.isVisible()
    bar.say(SENTENCE, "Record…", "record")
    qtbot.waitUntil(bar.button.isVisible)
    with qtbot.waitSignal(bar.action_wanted) as wanted:
        qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert (wanted.args, bar.text) == (["record"], "")
    bar.say(SENTENCE)
    assert not bar.button.isVisible()
