"""Rows of a trace that are not kept in memory: read from the file whenever they are asked for.

A cube of 16-bit numbers takes 29 MB at 14,042 questions of 16 x 64 experts, 173 MB at 48 x 128 and 288 MB at 140,420
questions. Up to KEPT_BYTES a trace keeps them, larger ones as far as there is room (kept_rows.py); beyond, the system's
own cache of files does, which gives way where memory is short.

Axes: n rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moe_core.traces.file import Array, TraceFile
from moe_core.traces.records import Float32Array

KEPT_BYTES = 48 * 2**20
"""Larger arrays of rows are kept only where there is room for them."""

_SPARSE = 4


class Rows(Protocol):
    """One row a segment, kept or not: what `[rows]` of an array is."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""

    def __getitem__(self, at: Any, /) -> Any:
        """The rows at a slice or at ascending places, or [rows, layers] of them, as an array."""


@dataclass(frozen=True)
class SumRows:
    """The sums of each of S segments, as SegmentSums names them; rows of segments not recorded have no meaning."""

    token_count: Rows
    gate_share_sum: Rows
    sorted_share_sum: Rows
    topk_entropy_sum: Float32Array
    topk_entropy_square_sum: Float32Array
    full_entropy_sum: Float32Array
    full_entropy_square_sum: Float32Array


@dataclass(frozen=True)
class AskedRows:
    """Rows that are read when some are asked for: few ask."""

    shape: tuple[int, ...]
    read: Callable[[], Rows]

    def __getitem__(self, at: Any) -> Array:
        found: Array = self.read()[at]
        return found


class StoredRows:
    """The rows of one dataset. Raises TraceError where the file can no longer be read."""

    def __init__(self, file: TraceFile, name: str) -> None:
        self._file = file
        self._name = name
        self.shape: tuple[int, ...] = file.layout.extents[name].dataset.shape

    def __getitem__(self, at: Any) -> Array:
        rows, layers = parts(at, self.shape[0])
        if not len(rows):
            return self._file.read(self._name, 0, 0)[:, *layers]
        first, last = int(rows.min()), int(rows.max())
        if last - first < _SPARSE * len(rows):
            found = self._file.read(self._name, first, last + 1)[:, *layers]
            return found if len(found) == len(rows) and (np.diff(rows) == 1).all() else found[rows - first]
        return np.concatenate([self._file.read(self._name, row, row + 1)[:, *layers] for row in rows.tolist()])


def parts(at: Any, n_rows: int) -> tuple[NDArray[np.intp], tuple[Any, ...]]:
    """The places of the rows that are asked for, and the layers where not all are."""
    rows, *layers = at if isinstance(at, tuple) else (at,)
    return np.arange(n_rows)[rows] if isinstance(rows, slice) else rows, tuple(layers)
