"""Fills a trace, batch by batch; after each `write` that batch survives a kill and a power cut.

Axes of one row: T tokens of the segment, L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moe_core.errors import TraceError
from moe_core.system.closing import Closing
from moe_core.traces.checking.check import check_structure
from moe_core.traces.checking.row_checksums import RowState, segment_states, tokens_word, word_of
from moe_core.traces.file import TraceFile
from moe_core.traces.layout import SUM_NAMES, Dataset, Segments, TraceDimensions, covered_rows
from moe_core.traces.lock import writer_lock
from moe_core.traces.records import IN_SMALLER_BATCH, PrefixRecord, QuestionRecord, SegmentSums, TokenRouting
from moe_core.traces.specification import Specification

_FLOAT16_MAX = float(np.finfo(np.float16).max)


class TraceWriter(Closing):
    """The one writer of a trace, for as long as it is open.

    Opening checks every checksum of what is already there: a segment whose checksum is wrong is pending again. Raises
    TraceError when the file is no sound trace or has another writer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_broken = False
        with ExitStack() as opening:
            opening.enter_context(writer_lock(path))
            self._file = opening.enter_context(TraceFile(path, check_structure(path), writable=True))
            self._pending = {segments: self._find_pending(segments) for segments in Segments}
            self._resources = opening.pop_all()

    def close(self) -> None:
        """Let go of the file and its lock; harmless when repeated."""
        self._resources.close()

    @property
    def specification(self) -> Specification:
        """The run that this trace is of."""
        return self._file.layout.specification

    @property
    def pending_questions(self) -> list[int]:
        """Questions not recorded yet, in order."""
        return np.flatnonzero(self._pending[Segments.QUESTIONS]).tolist()

    @property
    def pending_prefixes(self) -> list[int]:
        """Prefixes not recorded yet, in order; one may be pending though all its questions are recorded."""
        return np.flatnonzero(self._pending[Segments.PREFIXES]).tolist()

    def write(self, records: Sequence[PrefixRecord | QuestionRecord]) -> None:
        """Record a batch of pending segments; returns when it is durable.

        Raises TraceError when the disk refuses: then opening the trace again tells what of the batch is recorded, and
        this writer takes no more. Likewise when the file was deleted or moved: a batch is durable under its name only.
        """
        if self._is_broken:
            raise TraceError(f"{self.path} could not be written before: open it again to resume.")
        try:
            words = [self._write_rows(record) for record in records]
            self._file.sync()  # rows before words: a word on the disk vouches for its rows, whatever fails between
            for segments, index, word in words:
                self._file.write(segments.crc, index, word)
            self._file.sync()
            self._check_name()
        except OSError as error:
            self._is_broken = True
            raise TraceError(
                f"{self.path} could not be written ({error.strerror or error}): "
                "what was recorded before is kept, and the same command resumes it."
            ) from error
        for segments, index, _ in words:
            self._pending[segments][index] = False

    def _check_name(self) -> None:
        try:
            self._file.check_name()
        except TraceError:
            self._is_broken = True
            raise

    def _find_pending(self, segments: Segments) -> NDArray[np.bool_]:
        return np.asarray(segment_states(self._file, segments, with_tokens=True) != RowState.SOUND)

    def _write_rows(self, record: PrefixRecord | QuestionRecord) -> tuple[Segments, int, bytes]:
        """Write all rows of one segment; the word that is to follow them."""
        is_question = isinstance(record, QuestionRecord)
        segments = Segments.QUESTIONS if is_question else Segments.PREFIXES
        index = record.question if isinstance(record, QuestionRecord) else record.prefix
        assert self._pending[segments][index], f"{segments} {index} is recorded already: readers rely on its rows"
        dimensions = self._file.layout.dimensions
        values = _sum_rows(record.routing.sums, "question_sums" if is_question else "prefix_sums")
        if isinstance(record, QuestionRecord):
            values |= _answer_rows(record, dimensions)
        if dimensions.keeps_tokens:
            values[segments.tokens_crc] = self._write_tokens(record.routing.tokens, segments, index)
        rows = [(dataset.name, _row(values[dataset.name], dataset)) for dataset in covered_rows(dimensions, segments)]
        for name, row in rows:
            self._file.write(name, index, row)
        return segments, index, word_of([row for _, row in rows]).to_bytes(4, "little")

    def _write_tokens(self, routing: TokenRouting | None, segments: Segments, index: int) -> int:
        """Write the routing of every token of a segment; the word that covers it."""
        dimensions = self._file.layout.dimensions
        start, stop = self._file.read(f"{segments}/token_offset", index, index + 2).tolist()
        assert routing is not None
        shape = (stop - start, dimensions.n_layers, dimensions.top_k)
        assert routing.experts.shape == routing.weights.shape == shape, (routing.experts.shape, shape)
        assert not routing.experts.size or int(routing.experts.max()) < dimensions.n_experts
        experts = routing.experts.astype(dimensions.expert_dtype)  # [T, L, K]
        weights = routing.weights.astype("<f2")  # [T, L, K]
        self._file.write("tokens/experts", start, experts.tobytes())
        self._file.write("tokens/weights", start, weights.tobytes())
        return tokens_word(experts, weights)


def _sum_rows(sums: SegmentSums, group: str) -> dict[str, ArrayLike]:
    return {f"{group}/{name}": getattr(sums, name) for name in SUM_NAMES}


def _answer_rows(record: QuestionRecord, dimensions: TraceDimensions) -> dict[str, ArrayLike]:
    answer = record.answer
    assert int(answer.experts.max()) < dimensions.n_experts
    return {
        "answers/experts": answer.experts,
        "answers/weights": answer.weights,
        "answers/router_probs": answer.router_probs,
        "answers/choice_logprobs": answer.choice_logprobs,
        "answers/predicted": answer.predicted,
        "answers/status": int(answer.status) | (IN_SMALLER_BATCH if answer.in_smaller_batch else 0),
    }


def _row(value: ArrayLike, dataset: Dataset) -> bytes:
    """One row in the dataset's type; what is too large for 16 bit becomes the largest number there, not infinity."""
    array: NDArray[Any] = np.asarray(value)
    assert array.shape == dataset.shape[1:], (dataset.name, array.shape, dataset.shape)
    if dataset.dtype == "<f2" and array.dtype != np.float16:
        array = np.where(np.isfinite(array), np.clip(array, -_FLOAT16_MAX, _FLOAT16_MAX), array)
    return array.astype(dataset.dtype).tobytes()
