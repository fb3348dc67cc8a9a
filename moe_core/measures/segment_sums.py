"""Sums over questions of what their own rows hold and the rows of the prefixes that they share.

Axes: N questions, n of them, b of a block, L MoE layers, E experts.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.cube import Cube
from moe_core.numbers.half_precision import widened
from moe_core.traces.records import Float32Array
from moe_core.traces.stored_rows import Rows

IndexArray = NDArray[np.intp]


class Counted(NamedTuple):
    """Over at most 64 questions, each [L, E]: the tokens that chose an expert, and the questions with such a token."""

    tokens: NDArray[np.int64]
    questions: NDArray[np.integer[Any]]


def summed(own: Rows, shared: Rows, prefix: NDArray[Any], n_tokens: NDArray[np.int64] | None = None) -> Cube:
    """own[n] + shared[prefix[n]], float32 [N, L, E]; over `n_tokens` where these are given."""
    of_prefix = _widened_rows(shared)

    def of(rows: IndexArray, layers: slice) -> Float32Array:
        total: Float32Array = widened(own[rows, layers])
        _add_prefixes(total, of_prefix, prefix[rows], layers)
        if n_tokens is not None:
            total /= np.maximum(n_tokens[rows], 1).astype(np.float32)[:, None, None]
        return total

    N, L, E = own.shape
    return Cube((N, L, E), of)


def count_users(own: Rows, shared: Rows, prefix: NDArray[Any]) -> Callable[[IndexArray], Counted]:
    """What counts the questions of given rows: half the time of the cube, since no question gets numbers of its own."""

    def of(rows: IndexArray) -> Counted:
        counts = own[rows]  # [b, L, E], 8 or 16 bit
        enough = np.uint16 if len(rows) * int(counts.max(initial=0)) < 2**16 else np.uint32  # in a third of the time
        tokens, uses = counts.sum(axis=0, dtype=enough).astype(np.int64), counts > 0
        for place, at in _by_prefix(prefix[rows]):
            of_prefix = shared[place : place + 1]
            users = uses[at]
            tokens += len(users) * of_prefix[0].astype(np.int64)
            uses[at] = users | (of_prefix > 0)
        return Counted(tokens, how_many(uses))

    return of


def how_many(uses: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Of at most 64 questions [b, L, E] that use each expert: bytes take half the time of a product of floats."""
    found: NDArray[np.uint8] = np.add.reduce(uses.view(np.uint8), axis=0, dtype=np.uint8)
    return found


def with_prefixes(total: Float32Array, shared: Rows, prefix: NDArray[Any]) -> Float32Array:
    """`total` [n], to which the row of each one's prefix was added; where that is -1, it keeps its own."""
    _add_prefixes(total, _widened_rows(shared), prefix)
    return total


def _widened_rows(shared: Rows) -> Callable[[int], Float32Array]:
    """A row in single precision; the last ones are kept, for blocks of one prefix follow one another."""
    return lru_cache(maxsize=4)(lambda place: widened(shared[place : place + 1]))


def _add_prefixes(
    total: Float32Array, of_prefix: Callable[[int], Float32Array], prefix: NDArray[Any], *layers: slice
) -> None:
    for place, rows in _by_prefix(prefix):
        added = of_prefix(place)[:, *layers]
        with np.errstate(invalid="ignore"):  # rows that are not recorded may hold infinities; they are never selected
            if isinstance(rows, slice):
                np.add(total[rows], added, out=total[rows])  # `+=` would copy all of it onto itself
            else:
                total[rows] += added


def _by_prefix(prefix: NDArray[Any]) -> Iterator[tuple[int, slice | IndexArray]]:
    """Each prefix that is used [n], and the places of those that do: no cube of prefixes need be gathered."""
    if len(prefix) and bool((prefix == prefix[0]).all()):  # most blocks: questions of one prefix mostly lie together
        if prefix[0] >= 0:
            yield int(prefix[0]), slice(None)
        return
    for place in np.unique(prefix[prefix >= 0]).tolist():
        rows = np.flatnonzero(prefix == place)
        is_one_run = rows[-1] - rows[0] + 1 == len(rows)
        yield place, slice(rows[0], rows[-1] + 1) if is_one_run else rows
