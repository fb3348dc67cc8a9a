"""Loads the library behind torch in such a way that other threads go on meanwhile."""

import ctypes
import os
import sys
from importlib.util import find_spec


def load_torch_library() -> None:
    """Have torch find its library loaded when it is imported; does nothing where that cannot be done, or was.

    An import holds Python's lock all the time that the linker takes for 400 MB and their initialisers: a window
    stands still for it. A function that is called through ctypes lets go of the lock.
    """
    if sys.platform != "linux" or "torch" in sys.modules:
        return
    torch = find_spec("torch")
    for folder in (torch and torch.submodule_search_locations) or ():
        ctypes.CDLL(None).dlopen(os.fsencode(os.path.join(folder, "lib", "libtorch.so")), os.RTLD_NOW)
