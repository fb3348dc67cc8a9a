"""pytest-qt's robot with the patience that a busy machine needs: nothing is gained by giving up after five seconds."""

from functools import partialmethod

from pytestqt.qtbot import QtBot

TIMEOUT_MS = 300_000


class PatientBot(QtBot):
    """Waits five minutes for signals, conditions and windows, unless a test says otherwise."""

    waitSignal = partialmethod(QtBot.waitSignal, timeout=TIMEOUT_MS)  # noqa: N815  # pytest-qt's name
    waitUntil = partialmethod(QtBot.waitUntil, timeout=TIMEOUT_MS)  # noqa: N815  # pytest-qt's name
    waitActive = partialmethod(QtBot.waitActive, timeout=TIMEOUT_MS)  # noqa: N815  # pytest-qt's name
    waitExposed = partialmethod(QtBot.waitExposed, timeout=TIMEOUT_MS)  # noqa: N815  # pytest-qt's name
