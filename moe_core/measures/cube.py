"""A quantity of every question and expert, made for the questions asked for: whole, it may not fit into the memory.

At 14,042 questions of 48 x 128 experts a cube takes 345 MB in float32. So none is ever made: what goes over all of them
does so block by block, from rows that a trace holds in 16 bit, or that are read from its file again (stored_rows.py).

Axes: N questions, b of a block, L MoE layers, E experts (or K ranks).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_BLOCK_CELLS = 3 * 2**16  # 768 KB in single precision: more do not fit into the cache of many a core
_FEWEST_ROWS, _MOST_ROWS = 16, 64
EVERY_LAYER = slice(None)


@dataclass(frozen=True)
class Cube:
    """Indexed as an array [N, L, E] by questions, by a layer, and by an expert; every answer is an array of its own.

    `of` makes the questions [b] of some layers, float32 [b, layers, E].
    """

    shape: tuple[int, int, int]
    of: Callable[[NDArray[np.intp], slice], FloatArray]

    def __getitem__(self, at: Any) -> FloatArray:
        asked, *rest = at if isinstance(at, tuple) else (at,)
        is_places = isinstance(asked, np.ndarray) and asked.dtype == np.intp
        rows = asked if is_places else np.arange(self.shape[0])[asked]
        if not rows.ndim:
            found: FloatArray = self[(rows[None], *rest)][0]
            return found
        if not rest:
            return self.of(rows, EVERY_LAYER)
        layer, rest = int(rest[0]), rest[1:]
        place = (slice(None), 0, *rest)
        parts = [self.of(rows[block], slice(layer, layer + 1))[place] for block in blocks(len(rows), self.shape[2])]
        return np.concatenate(parts) if parts else self.of(rows, slice(layer, layer + 1))[place]


def blocks(n: int, cells: int) -> Iterator[slice]:
    """`n` questions of so many cells each in slices that fit into a core's cache.

    They are of at most 64 questions, which also keeps sums in float32 exact: 64 of up to 131,070 tokens (two uint16)
    stay below 2**24.
    """
    step = min(_MOST_ROWS, max(_FEWEST_ROWS, _BLOCK_CELLS // max(1, cells)))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
