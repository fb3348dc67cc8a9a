"""Large arrays of rows, kept once they were read, as far as there is room for those of all open traces together.

Axes: n rows.
"""

from dataclasses import dataclass
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


@dataclass
class _Memory:
    """What was read of all rows, what became of each [n], and when they were last asked for."""

    values: Array
    states: NDArray[np.uint8]
    last: int = 0


class Room:
    """Memory that rows of all traces share; those that were used longest ago give way.

    Rows that were asked for within the last 4,096 times (some passes over a trace) stay: where two sides of a what-if
    do not fit together, they would push each other out with every block, and none were kept. It alone holds what is
    kept, so that any thread may give back what another one is reading: that one ends with what it was given.
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._times = 0
        self._lock = Lock()
        self._kept: WeakKeyDictionary[KeptRows, _Memory] = WeakKeyDictionary()

    def memory(self, rows: "KeptRows") -> _Memory | None:
        """Where these rows are kept, from now on if they were not; None where others do not make way."""
        with self._lock:
            self._times += 1
            if rows not in self._kept:
                if not self._make_way(rows.n_bytes):
                    return None
                self._kept[rows] = rows.no_memory()
            self._kept[rows].last = self._times
            return self._kept[rows]

    def forget(self, rows: "KeptRows") -> None:
        """Give these rows' memory back."""
        with self._lock:
            self._kept.pop(rows, None)

    @property
    def n_used(self) -> int:
        """Bytes of all that is kept."""
        return sum(rows.n_bytes for rows in self._kept)

    def _make_way(self, n_bytes: int) -> bool:
        free, leaving = self.n_bytes - self.n_used, []
        for rows, memory in sorted(self._kept.items(), key=lambda item: item[1].last):
            if free >= n_bytes or self._times - memory.last <= _IN_USE:
                break
            leaving.append(rows)
            free += rows.n_bytes
        if free < n_bytes:
            return False
        for rows in leaving:
            del self._kept[rows]
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

    def forget(self) -> None:
        """Give the memory back; what is asked for is read again. Any thread may say so."""
        self._room.forget(self)

    def no_memory(self) -> _Memory:
        """Of all rows, for which the system finds memory as they are written; none was read."""
        return _Memory(np.empty(self.shape, self._dtype), np.full(self.shape[0], _UNREAD, np.uint8))

    def __getitem__(self, at: Any) -> Array:
        rows, layers = parts(at, self.shape[0])
        memory = self._room.memory(self)
        if memory is None:
            stored: Array = self._stored[(rows, *layers)]
            return stored
        values, states = memory.values, memory.states
        if len(unread := rows[states[rows] == _UNREAD]):
            states[unread] = self._read(unread, values)
        found: Array = values[(rows, *layers)]
        too_large = states[rows] == _TOO_LARGE
        if too_large.any():
            others = self._stored[(rows[too_large], *layers)]
            found = found.astype(others.dtype)
            found[too_large] = others
        return found

    def _read(self, rows: NDArray[np.intp], values: Array) -> NDArray[np.uint8]:
        """Whether each of the rows [n] fits, once it was read."""
        found = self._stored[rows]
        values[rows] = found
        if found.dtype == self._dtype:
            return np.full(len(rows), _KEPT, np.uint8)
        return np.where(found.max(axis=(1, 2)) <= np.iinfo(self._dtype).max, _KEPT, _TOO_LARGE).astype(np.uint8)
