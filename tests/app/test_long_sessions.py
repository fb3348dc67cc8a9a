"""What only shows after a while: the interpreter must outlive any number of calls into Qt."""

import os
import subprocess
import sys
import textwrap


def test_a_hundred_thousand_calls_into_qt_do_not_use_up_the_references_of_none() -> None:
    """With PySide6 6.12 on Python 3.11 each call that returns nothing takes a reference of None away."""
    program = """
        import app
        from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

        application = QGuiApplication([])
        image = QImage(8, 8, QImage.Format.Format_RGB32)
        painter, colour = QPainter(image), QColor("black")
        for _ in range(100_000):
            painter.fillRect(0, 0, 1, 1, colour)
        painter.end()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
