"""Answers to the questions of message boxes."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow


class BoxAnswer:
    """Answers the message box that will be open with a key, and remembers what the box said."""

    def __init__(self, window: MainWindow, button: QMessageBox.StandardButton | str, key: Qt.Key) -> None:
        self.said = ""
        self._button, self._key = button, key
        QTimer.singleShot(0, window, self._press)

    def _press(self) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        self.said = box.text()
        button = next(button for button in box.buttons() if self._button in (button.text(), box.standardButton(button)))
        button.setFocus()
        QTest.keyClick(button, self._key)


def stop(window: MainWindow, qtbot: QtBot) -> str:
    """Press Esc, and Stop in the box that asks; what the box said."""
    answer = BoxAnswer(window, "Stop", Qt.Key.Key_Space)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    window.activateWindow()  # as a window manager does; only keys of the active window are its shortcuts
    qtbot.waitUntil(window.isActiveWindow)
    return answer.said
