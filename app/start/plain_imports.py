"""Imports Qt without the watch that PySide6 keeps over all imports after it.

For `from __feature__ import ..`, of which nothing here is made, it reads the source of every module imported later, and
keeps it: 40 ms and 20 MB until the first page is painted, 45 MB once all was shown.
"""

import builtins


def import_qt() -> None:
    """Import Qt's core; what is imported afterwards is imported as ever."""
    plain = builtins.__import__
    import PySide6.QtCore  # noqa: F401  # for its effect

    builtins.__import__ = plain
