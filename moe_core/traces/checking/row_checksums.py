"""The CRC32 word of each segment: how it is computed, and which segments are recorded, sound, or damaged.

Axes: n rows of one chunk, B bytes of one row.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from moe_core.numbers.stepwise import Steps, Stepwise
from moe_core.traces.file import Array, TraceFile
from moe_core.traces.kept_rows import ROOM, KeptRows
from moe_core.traces.layout import Segments, covered_rows
from moe_core.traces.records import STATUS_BITS, Status, TokenRouting
from moe_core.traces.stored_rows import KEPT_BYTES, AskedRows, Rows, StoredRows

_CHUNK_BYTES = 8 * 2**20


class RowState(IntEnum):
    """What a segment's CRC word says about its rows."""

    PENDING = 0
    SOUND = 1
    DAMAGED = 2


@dataclass(frozen=True)
class _Checked:
    """The CRC words of all segments of one kind [S], and the RowState of each [S], its token rows aside."""

    words: Array
    states: NDArray[np.uint8]


class CheckedRows:
    """The row arrays of a trace, none read before the checksums that vouch for it; kept until `refresh`."""

    def __init__(self, file: TraceFile) -> None:
        self._file = file
        self._arrays: dict[str, Array] = {}
        self._kept: dict[str, KeptRows] = {}
        self.checking = Stepwise(lambda: _check(file, {}))
        """The states of all segments, for who does not want to wait for them."""

    def refresh(self) -> None:
        """Forget all that was read; raises TraceError, and forgets nothing, where the file can no longer be read."""
        self._file.check_size()
        known = self.checking.value if self.checking.is_made else {}
        checking = Stepwise(lambda: _check(self._file, known))
        _ = checking.value
        self.forget()
        self.checking = checking

    def forget(self) -> None:
        """Give back the memory of all rows; what was checked stays so."""
        self._arrays.clear()
        while self._kept:
            self._kept.popitem()[1].forget()

    def states(self, segments: Segments) -> NDArray[np.uint8]:
        """The RowState of each segment, its token rows aside."""
        return self.checking.value[segments].states

    def array(self, name: str) -> Array:
        """A dataset with one row a segment; rows whose state is not sound have no meaning."""
        _ = self.checking.value  # first: rows read before their checksum may lack what it vouches for
        found = self._arrays.get(name)  # once: another thread may forget all that was read
        if found is None:
            found = self._arrays[name] = self._file.read(name)
        return found

    def rows(self, name: str) -> Rows:
        """As `array`, where it is not too large for that; else what was read is kept while there is room for it."""
        dataset = self._file.layout.extents[name].dataset
        if dataset.n_bytes <= KEPT_BYTES:
            return self.array(name)
        _ = self.checking.value
        found = self._kept.get(name)
        if found is None:
            stored, kind = StoredRows(self._file, name), np.dtype(dataset.dtype)
            found = self._kept[name] = KeptRows(stored, np.uint8 if kind == np.uint16 else kind, ROOM)
        return found

    def asked(self, name: str) -> AskedRows:
        """As `rows`, and nothing is read before any is asked for."""
        return AskedRows(self._file.layout.extents[name].dataset.shape, lambda: self.rows(name))


def _check(file: TraceFile, known: Mapping[Segments, _Checked]) -> Steps[dict[Segments, _Checked]]:
    """`known` is what was found before: rows are written once, so what was sound under its word is not read again."""
    total = sum(file.layout.extents[kind.crc].dataset.shape[0] for kind in Segments)
    found: dict[Segments, _Checked] = {}
    done = 0
    for kind in Segments:
        words, before = file.read(kind.crc), known.get(kind)
        states = np.full(len(words), RowState.PENDING, np.uint8)
        step = max(1, _CHUNK_BYTES // max(1, _row_bytes(file, kind)))
        for start in range(0, len(words), step):
            rows = slice(start, start + step)
            if before is not None and _is_unchanged(before, words, rows):
                states[rows] = before.states[rows]
                continue
            states[rows] = _states(file, kind, words[rows], start, with_tokens=False)
            yield (done + start + len(words[rows])) / max(1, total)
        found[kind], done = _Checked(words, states), done + len(words)
    return found


def _is_unchanged(before: _Checked, words: Array, rows: slice) -> bool:
    return bool((before.words[rows] == words[rows]).all() and (before.states[rows] == RowState.SOUND).all())


def _row_bytes(file: TraceFile, segments: Segments) -> int:
    return sum(dataset.row_bytes for dataset in covered_rows(file.layout.dimensions, segments))


def segment_states(file: TraceFile, segments: Segments, *, with_tokens: bool = False) -> NDArray[np.uint8]:
    """The RowState of all segments of one kind; `with_tokens` also reads every token's routing."""
    return np.concatenate([np.zeros(0, np.uint8), *check_segments(file, segments, with_tokens=with_tokens)])


def as_word(crc: int) -> int:
    """A CRC32 as it is stored: 0 means not recorded, so that a true 0 is written as 1."""
    return crc or 1


def word_of(rows: list[bytes]) -> int:
    """The word that covers these rows, in this order."""
    crc = 0
    for row in rows:
        crc = zlib.crc32(row, crc)
    return as_word(crc)


def check_segments(file: TraceFile, segments: Segments, *, with_tokens: bool) -> Iterator[NDArray[np.uint8]]:
    """States of all segments of one kind, chunk by chunk; `with_tokens` also reads every token's routing."""
    dimensions = file.layout.dimensions
    bytes_each = _row_bytes(file, segments)
    with_tokens = with_tokens and dimensions.keeps_tokens
    if with_tokens:
        bytes_each += _token_bytes(file) * dimensions.n_tokens // max(1, dimensions.n_questions + dimensions.n_prefixes)
    words = file.read(segments.crc)
    step = max(1, _CHUNK_BYTES // max(1, bytes_each))
    for start in range(0, len(words), step):
        yield _states(file, segments, words[start : start + step], start, with_tokens=with_tokens)


def row_state(file: TraceFile, segments: Segments, index: int) -> RowState:
    """What the word of one segment says about its rows; its token rows aside."""
    words = file.read(segments.crc, index, index + 1)
    return RowState(_states(file, segments, words, index, with_tokens=False)[0])


def sound_tokens(file: TraceFile, segments: Segments, index: int) -> TokenRouting | None:
    """Where the tokens of one recorded segment were routed; None where they are damaged."""
    start, stop = file.read_static(f"{segments}/token_offset")[index : index + 2].tolist()
    experts, weights = file.read("tokens/experts", start, stop), file.read("tokens/weights", start, stop)
    in_range = not experts.size or int(experts.max()) < file.layout.dimensions.n_experts
    expected = int(file.read(segments.tokens_crc, index, index + 1)[0])
    return TokenRouting(experts, weights) if in_range and tokens_word(experts, weights) == expected else None


def tokens_word(experts: Array, weights: Array) -> int:
    """The word that covers the token rows of one segment: experts, then weights."""
    return word_of([experts.tobytes(), weights.tobytes()])


def _states(file: TraceFile, segments: Segments, words: Array, start: int, *, with_tokens: bool) -> NDArray[np.uint8]:
    states = np.full(len(words), RowState.PENDING, np.uint8)
    recorded = words != 0
    if not recorded.any():
        return states
    stop = start + len(words)
    sound = _row_words(file, segments, start, stop) == words
    if segments is Segments.QUESTIONS:
        sound &= _answers_in_range(file, start, stop)
    if with_tokens:
        for place in np.flatnonzero(recorded & sound).tolist():
            sound[place] = sound_tokens(file, segments, start + place) is not None
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


def _token_bytes(file: TraceFile) -> int:
    return sum(file.layout.extents[name].dataset.row_bytes for name in ("tokens/experts", "tokens/weights"))
