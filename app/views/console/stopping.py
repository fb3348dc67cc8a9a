"""Lets a command of the console be stopped: while it runs, the window hears Ctrl+C and a button, and no other input."""

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import cast

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

_STEP_S, _HEARING_MS = 0.1, 50
_KEYS = frozenset({QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride})
_INPUT = _KEYS | {
    QEvent.Type.KeyRelease, QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease, QEvent.Type.Close,
    QEvent.Type.MouseButtonDblClick, QEvent.Type.Wheel, QEvent.Type.ContextMenu, QEvent.Type.Drop,
}  # fmt: skip
_CONSOLE, _SESSION = "<console>", "app.state.session"
"""The file of what is typed; the module in whose midst nothing else may happen."""


class StopListener(QObject):
    """Commands run in the window's thread, which is why another one has to interrupt them, between two bytecodes.

    https://docs.python.org/3/c-api/threads.html#asynchronous-notifications says how; what waits in C is not reached.
    """

    def __init__(self, button: QPushButton) -> None:
        """`button` stops as Ctrl+C does, and can be pressed while a command runs."""
        super().__init__(button)
        self._button = button
        self._is_wanted = self._is_listening = False
        self._call = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._hear)
        button.setEnabled(False)
        button.clicked.connect(self.stop)

    def stop(self) -> None:
        """Raise KeyboardInterrupt in the command, as soon as its thread is in code of its own."""
        self._is_wanted = self._is_listening

    @contextmanager
    def listening(self) -> Iterator[None]:
        """What runs inside can be stopped."""
        ended, here = threading.Event(), threading.get_ident()
        application = cast("QApplication", QApplication.instance())
        watch = threading.Thread(target=self._watch, args=(here, ended), daemon=True)
        self._is_wanted, self._is_listening = False, True
        self._button.setEnabled(True)
        application.installEventFilter(self)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()
            self._is_listening = False
            application.removeEventFilter(self)
            self._button.setEnabled(False)

    def _watch(self, thread: int, ended: threading.Event) -> None:
        """In a thread of its own: have the window's listen now and then, and interrupt it where that is wanted."""
        while not ended.wait(_STEP_S):
            if not self._is_wanted:
                ctypes.pythonapi.Py_AddPendingCall(self._call, None)
            elif _is_in_command(sys._current_frames()[thread]):
                self._is_wanted = False
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))

    def _hear(self, _: object) -> int:
        """In the window's thread, between two bytecodes of the command."""
        if self._is_listening and _is_in_command(sys._getframe().f_back):
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, _HEARING_MS)
        return 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Shortcut:
            return True
        if event.type() not in _INPUT or not isinstance(watched, QWidget) or watched is self._button:
            return False
        if event.type() in _KEYS and isinstance(event, QKeyEvent):
            event.accept()  # so that no shortcut of the window takes the key
            if event.key() == Qt.Key.Key_C and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                self.stop()
        elif event.type() == QEvent.Type.Close:
            event.ignore()
        return True


def _is_in_command(frame: FrameType | None) -> bool:
    """Whether a thread is in what was typed, or in what that calls, but not amid a change of the session.

    Nor amid what the window hears meanwhile: an interrupt there would end a click, and never reach the command.
    """
    is_found = False
    while frame is not None:
        if frame.f_globals.get("__name__") == _SESSION or frame.f_code is StopListener._hear.__code__:
            return False
        is_found |= frame.f_code.co_filename == _CONSOLE
        frame = frame.f_back
    return is_found
