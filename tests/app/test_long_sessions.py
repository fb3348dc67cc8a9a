"""What only shows after a while: the interpreter must outlive any number of calls into Qt."""

import os
import subprocess
import sys
import textwrap

import pytest

DRAWING = """
    import app
    from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

    application = QGuiApplication([])
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    painter, colour = QPainter(image), QColor("black")
    for _ in range(100_000):
        painter.fillRect(0, 0, 1, 1, colour)
    painter.end()
"""
SIGNALS = """
    import app
    from PySide6.QtCore import QObject, Signal

    class Sender(QObject):
        chosen = Signal(int)

    sender = Sender()
    for number in range(100_000):
        sender.chosen.emit(number)
"""


@pytest.mark.parametrize("program", [DRAWING, SIGNALS], ids=["None", "True"])
def test_a_hundred_thousand_calls_into_qt_do_not_use_up_a_constant(program: str) -> None:
    """With PySide6 6.12 on Python 3.11 each call that returns None, or True for a signal, takes a reference away."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
