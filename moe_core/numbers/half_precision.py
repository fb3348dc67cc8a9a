"""Half precision widened to single, exactly as numpy does it, and ten to thirty times as fast.

numpy widens one number after the other, and the more zeros there are, the slower: cubes of experts are full of them.
Moved to the places of a float32, exponent and fraction of a float16 stand for the same number times 2^-112.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FIRST_ODD = 0x7C00  # bits of infinity: from here on, what is no number, and what is negative
_SHIFT, _SCALE = np.uint32(13), np.float32(2.0**112)
_SMALLEST, _MOVED = np.float32(2.0**-24), np.array([1 << 13], np.uint32).view(np.float32)[0]


def widened(values: NDArray[Any]) -> NDArray[np.float32]:
    """The values in single precision, in an array of its own."""
    if values.dtype != np.float16 or not values.size or not _keeps_tiny_numbers():
        return values.astype(np.float32)
    bits = np.ascontiguousarray(values).view(np.uint16)
    if bits.max() >= _FIRST_ODD:
        return values.astype(np.float32)
    wide = bits.astype(np.uint32)
    wide <<= _SHIFT
    found = wide.view(np.float32)
    found *= _SCALE
    return found


def _keeps_tiny_numbers() -> bool:
    """Whether this thread's processor computes with numbers below 1e-38; some libraries tell it to take them for 0."""
    return bool(_MOVED * _SCALE == _SMALLEST)
