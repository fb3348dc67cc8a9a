"""Large arrays of rows, kept once they were read, as far as there is room for those of all open traces together.

Axes: n rows.
"""

from math import prod
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import DTypeLike, NDArray

from moe_core.traces.file import Array
from moe_core.traces.stored_rows import Rows, parts

_IN_USE = 4096
_UNREAD, _TOO_LARGE, _KEPT = range(3)


class Room:
    """Memory that rows of all traces share; those that were used longest ago give way.

    Rows that were asked for within the last 4,096 times (some passes over a trace) stay: where two sides of a what-if
    do not fit together, they would push each other out with every block, and none were kept.
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._times = 0
        self._lock = Lock()
        self._used: WeakKeyDictionary[KeptRows, int] = WeakKeyDictionary()

    def has(self, rows: "KeptRows") -> bool:
        """Whether these rows may be kept from now on; for others, that have to make way, it says so to them."""
        with self._lock:
            self._times += 1
            if rows not in self._used and not self._make_way(rows.n_bytes):
                return False
            self._used[rows] = self._times
            return True

    def leave(self, rows: "KeptRows") -> None:
        """Take these rows' memory back."""
        with self._lock:
            self._used.pop(rows, None)
            rows.drop()

    @property
    def n_used(self) -> int:
        """Bytes of all that is kept."""
        return sum(rows.n_bytes for rows in self._used)

    def _make_way(self, n_bytes: int) -> bool:
        free, leaving = self.n_bytes - self.n_used, []
        for rows, last in sorted(self._used.items(), key=lambda item: item[1]):
            if free >= n_bytes or self._times - last <= _IN_USE:
                break
            leaving.append(rows)
            free += rows.n_bytes
        if free < n_bytes:
            return False
        for rows in leaving:
            del self._used[rows]
            rows.drop()
        return True


ROOM = Room(264 * 2**20)
"""That of this process: the counts and weights of 14,042 questions of 48 x 128 experts."""


class KeptRows:
    """Rows in `dtype`, kept once they were read. Those with a value too large for it are read whenever asked for.

    Counts take 8 bit, for nearly all are below 256. What is asked for comes in `dtype` where it fits.
    """

    def __init__(self, stored: Rows, dtype: DTypeLike, room: Room) -> None:
        self.shape, self.n_bytes = stored.shape, prod(stored.shape) * np.dtype(dtype).itemsize
        self._stored, self._dtype, self._room = stored, np.dtype(dtype), room
        self._kept: tuple[Array, NDArray[np.uint8]] | None = None

    def forget(self) -> None:
        """Give the memory back; what is asked for is read again. Any thread may say so."""
        self._room.leave(self)

    def drop(self) -> None:
        """As `forget`, said by the room itself."""
        self._kept = None

    def __getitem__(self, at: Any) -> Array:
        rows, layers = parts(at, self.shape[0])
        if not self._room.has(self):
            stored: Array = self._stored[(rows, *layers)]
            return stored
        kept, states = self._kept = self._kept or self._nothing()
        if len(unread := rows[states[rows] == _UNREAD]):
            states[unread] = self._read(unread, kept)
        found: Array = kept[(rows, *layers)]
        too_large = states[rows] == _TOO_LARGE
        if too_large.any():
            others = self._stored[(rows[too_large], *layers)]
            found = found.astype(others.dtype)
            found[too_large] = others
        return found

    def _nothing(self) -> tuple[Array, NDArray[np.uint8]]:
        """Room for all rows, for which the system finds memory as they are written; and that none was read."""
        return np.empty(self.shape, self._dtype), np.full(self.shape[0], _UNREAD, np.uint8)

    def _read(self, rows: NDArray[np.intp], kept: Array) -> NDArray[np.uint8]:
        """Whether each of the rows [n] fits, once it was read."""
        found = self._stored[rows]
        kept[rows] = found
        if found.dtype == self._dtype:
            return np.full(len(rows), _KEPT, np.uint8)
        return np.where(found.max(axis=(1, 2)) <= np.iinfo(self._dtype).max, _KEPT, _TOO_LARGE).astype(np.uint8)
