"""The matrices of a layer's experts side by side, a slab of rows at a time, so that little is held at once.

Axes: E experts (shared ones after them), R rows of a slab, C columns as stored.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from moe_core.models.weights.matrix import ExpertMatrix

SLAB_ELEMENTS = 2**24
"""Numbers held at once: 64 MB as float32, and half as much again while they are read."""


def slab_rows(matrices: Sequence[ExpertMatrix]) -> int:
    """How many rows of every matrix make a slab; at least one."""
    return max(1, SLAB_ELEMENTS // (len(matrices) * matrices[0].stored_columns))


def n_slabs(matrices: Sequence[ExpertMatrix]) -> int:
    """How many slabs `slabs` gives."""
    return -(-matrices[0].n_rows // slab_rows(matrices))


def slabs(matrices: Sequence[ExpertMatrix]) -> Iterator[NDArray[np.float32]]:
    """Slabs [E, R, C] that together are the whole matrices; all of them must have one shape."""
    step = slab_rows(matrices)
    for start in range(0, matrices[0].n_rows, step):
        stop = min(start + step, matrices[0].n_rows)
        slab = np.empty((len(matrices), stop - start, matrices[0].n_columns), np.float32)
        for place, matrix in enumerate(matrices):
            slab[place] = matrix.rows(start, stop)
        yield slab
