"""moescope's desktop application."""

import ctypes
import sys

if sys.version_info < (3, 12):
    # PySide6 6.12 is built as if None were immortal, which it is from Python 3.12 on (PEP 683): each call that returns
    # nothing takes one reference of None away, and the interpreter aborts ("deallocating None") when the last is gone,
    # after some minutes of drawing. So None gets more references than a session can use up.
    ctypes.c_ssize_t.from_address(id(None)).value += 1 << 60
