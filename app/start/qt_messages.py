"""What Qt itself complains about goes to the log."""

import logging

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_OF_NO_USE = ("This plugin does not support propagateSizeHints()", "Detected locale")
"""The offscreen platform says the first of every window, Qt the second where LC_ALL is C, which changes nothing."""


def log_qt_messages() -> None:
    """Send Qt's messages to the logger `qt` and those below it, by their category."""
    qInstallMessageHandler(_log)


def leave_qt_messages() -> None:
    """Let Qt write its messages itself again; Python must still run then."""
    qInstallMessageHandler(None)


def _log(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    if text.startswith(_OF_NO_USE):
        return
    category = context.category
    name = category if category and category != "default" else ""
    logging.getLogger(name if name.startswith("qt") else f"qt.{name}".rstrip(".")).log(_LEVELS[kind], "%s", text)
