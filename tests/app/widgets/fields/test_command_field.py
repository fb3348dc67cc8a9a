"""The field that shows a command line."""

import os
import subprocess
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.widgets.fields.command_field import CommandField

COMMAND = "moescope record --model some-organisation/a-model --quiz quiz-of-mine.csv --skip-too-long --compile"


def lines_of(field: QPlainTextEdit) -> list[str]:
    """Its text as it is broken on the screen."""
    layout = field.document().firstBlock().layout()
    lines = [layout.lineAt(at) for at in range(layout.lineCount())]
    return [field.toPlainText()[line.textStart() : line.textStart() + line.textLength()] for line in lines]


@pytest.mark.parametrize("width", range(300, 600, 30))
def test_no_line_ends_at_a_hyphen(qtbot: QtBot, width: int) -> None:
    """`--` and `compile` stay together; a path may be broken at its slashes."""
    field = CommandField()
    qtbot.addWidget(field)
    field.show_command(COMMAND)
    field.resize(width, field.height())
    field.show()
    lines = lines_of(field)
    assert len(lines) > 1
    assert all(line.endswith((" ", "/")) for line in lines[:-1]), lines


def test_it_is_copied_as_it_is(qtbot: QtBot) -> None:
    """Without what keeps words together, the whole of it and what is selected."""
    field = CommandField()
    qtbot.addWidget(field)
    field.show_command(COMMAND)
    assert field.text == COMMAND
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(field, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().mimeData()
    assert copied.formats() == ["text/plain"]
    assert copied.text() == COMMAND


def test_leaving_with_it_on_the_clipboard_ends_well() -> None:
    """What is copied is given up once: the process ends with 0, and is not killed."""
    script = (
        "from PySide6.QtWidgets import QApplication\n"
        "from app.widgets.fields.command_field import CommandField\n"
        "application, field = QApplication([]), CommandField()\n"
        "field.show_command('a --b')\n"
        "field.selectAll()\n"
        "field.copy()\n"
        "assert application.clipboard().text() == 'a --b'\n"
    )
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    assert subprocess.run([sys.executable, "-c", script], env=environment).returncode == 0
