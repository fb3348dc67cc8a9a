"""The CRC32 word of each segment: how it is computed, and which segments are recorded, sound, or damaged.

Axes: n rows of one chunk, B bytes of one row.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from moe_core.traces.file import Array, TraceFile
from moe_core.traces.layout import Segments, covered_rows
from moe_core.traces.records import STATUS_BITS, Status

_CHUNK_BYTES = 8 * 2**20


class RowState(IntEnum):
    """What a segment's CRC word says about its rows."""

    PENDING = 0
    SOUND = 1
    DAMAGED = 2


@dataclass(frozen=True)
class CheckedRows:
    """The states of segments `start` to `start + len(states)`."""

    start: int
    states: NDArray[np.uint8]


def as_word(crc: int) -> int:
    """A CRC32 as it is stored: 0 means not recorded, so that a true 0 is written as 1."""
    return crc or 1


def word_of(rows: list[bytes]) -> int:
    """The word that covers these rows, in this order."""
    crc = 0
    for row in rows:
        crc = zlib.crc32(row, crc)
    return as_word(crc)


def check_segments(file: TraceFile, segments: Segments, *, with_tokens: bool) -> Iterator[CheckedRows]:
    """States of all segments of one kind, chunk by chunk; `with_tokens` also reads every token's routing."""
    dimensions = file.layout.dimensions
    bytes_each = sum(dataset.row_bytes for dataset in covered_rows(dimensions, segments))
    with_tokens = with_tokens and dimensions.keeps_tokens
    if with_tokens:
        bytes_each += _token_bytes(file) * dimensions.n_tokens // max(1, dimensions.n_questions + dimensions.n_prefixes)
    words = file.read(segments.crc)
    step = max(1, _CHUNK_BYTES // max(1, bytes_each))
    for start in range(0, len(words), step):
        yield CheckedRows(start, _states(file, segments, words[start : start + step], start, with_tokens))


def segment_word(file: TraceFile, segments: Segments, index: int) -> int:
    """The word that the rows of one segment should have, computed from the file."""
    names = [dataset.name for dataset in covered_rows(file.layout.dimensions, segments)]
    return word_of([file.read(name, index, index + 1).tobytes() for name in names])


def tokens_word(experts: Array, weights: Array) -> int:
    """The word that covers the token rows of one segment: experts, then weights."""
    return word_of([experts.tobytes(), weights.tobytes()])


def _states(file: TraceFile, segments: Segments, words: Array, start: int, with_tokens: bool) -> NDArray[np.uint8]:
    states = np.full(len(words), RowState.PENDING, np.uint8)
    recorded = words != 0
    if not recorded.any():
        return states
    stop = start + len(words)
    sound = _row_words(file, segments, start, stop) == words
    if segments is Segments.QUESTIONS:
        sound &= _answers_in_range(file, start, stop)
    if with_tokens:
        sound &= _tokens_sound(file, segments, start, recorded & sound)
    states[recorded] = np.where(sound[recorded], RowState.SOUND, RowState.DAMAGED)
    return states


def _row_words(file: TraceFile, segments: Segments, start: int, stop: int) -> NDArray[np.uint32]:
    names = [dataset.name for dataset in covered_rows(file.layout.dimensions, segments)]
    parts = [file.read(name, start, stop).reshape(stop - start, -1).view(np.uint8) for name in names]
    rows = np.concatenate(parts, axis=1)  # [n, B]
    return np.fromiter((as_word(zlib.crc32(row)) for row in rows), np.uint32, stop - start)


def _answers_in_range(file: TraceFile, start: int, stop: int) -> NDArray[np.bool_]:
    """A file from a stranger may have a right checksum over ids that would index past an array's end."""
    experts = file.read("answers/experts", start, stop)  # [n, L, K]
    predicted = file.read("answers/predicted", start, stop)
    n_choices = file.read("questions/n_choices", start, stop)
    status = file.read("answers/status", start, stop) & STATUS_BITS
    in_range = (experts < file.layout.dimensions.n_experts).all(axis=(1, 2))
    in_range &= (predicted >= -1) & (predicted < n_choices.astype(np.int16))
    return np.asarray(in_range & (status > Status.NOT_RECORDED) & (status <= max(Status)))


def _tokens_sound(file: TraceFile, segments: Segments, start: int, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    offsets = file.read(f"{segments}/token_offset", start, start + len(wanted) + 1)
    words = file.read(segments.tokens_crc, start, start + len(wanted))
    sound = np.zeros(len(wanted), np.bool_)
    for index in np.flatnonzero(wanted):
        experts = file.read("tokens/experts", int(offsets[index]), int(offsets[index + 1]))
        weights = file.read("tokens/weights", int(offsets[index]), int(offsets[index + 1]))
        in_range = not experts.size or int(experts.max()) < file.layout.dimensions.n_experts
        sound[index] = in_range and tokens_word(experts, weights) == words[index]
    return sound


def _token_bytes(file: TraceFile) -> int:
    return sum(file.layout.extents[name].dataset.row_bytes for name in ("tokens/experts", "tokens/weights"))
