"""moescope's desktop application."""

import ctypes
import os
import sys

os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"  # not another binding found there, nor another program's choice

if sys.version_info < (3, 12):
    # PySide6 6.12 is built as if None, True and False were immortal, which they are from Python 3.12 on (PEP 683): each
    # call that returns nothing takes one reference of None away, each signal one of True, and the interpreter aborts
    # when the last is gone, after some minutes of drawing. So they get more references than a session can use up.
    for constant in (None, True, False):
        ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 60
