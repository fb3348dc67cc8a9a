"""A trace as arrays: opening it is cheap, and rows are believed only when their checksum is right.

Axes: N questions, P shared prefixes, L MoE layers, E experts, K chosen experts, C choices.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import Remedy, UnreadableTraceError
from moe_core.traces.check import check_structure
from moe_core.traces.file import Array, TraceFile
from moe_core.traces.layout import SUM_NAMES, Segments
from moe_core.traces.questions import TraceQuestions, read_only
from moe_core.traces.records import (
    IN_SMALLER_BATCH,
    STATUS_BITS,
    ExpertIds,
    Float16Array,
    Float32Array,
    Status,
    UInt16Array,
)
from moe_core.traces.row_checksums import RowState, check_segments


@dataclass(frozen=True)
class SegmentSums:
    """Sums over the tokens of each segment; S is N or P. Meaning and units as in `SegmentRouting`.

    `token_count` [S, L, E], `gate_share_sum` [S, L, E], the entropies [S, L] in nats, `sorted_share_sum` [S, L, K].
    Rows of segments that are not recorded have no meaning.
    """

    token_count: UInt16Array
    gate_share_sum: Float16Array
    topk_entropy_sum: Float32Array
    topk_entropy_square_sum: Float32Array
    full_entropy_sum: Float32Array
    full_entropy_square_sum: Float32Array
    sorted_share_sum: Float32Array


def open_trace(path: Path) -> "Trace":
    """An open trace, also one that is still being recorded; raises TraceError with one sentence for any other file."""
    file = TraceFile(path, check_structure(path))
    if file.is_mostly_holes(name for name, extent in file.layout.extents.items() if extent.dataset.row_of):
        file.close()
        raise UnreadableTraceError(path, "has holes where its rows should be.", Remedy.COPY_WITHOUT_HOLES)
    return Trace(file)


class Trace(TraceQuestions):
    """A trace that is open for reading. Arrays are read-only, read when first asked for, and kept until `refresh`.

    Rows of questions where `recorded` is false have no meaning, save in `status` and `predicted`.
    """

    def __init__(self, file: TraceFile) -> None:
        super().__init__(file)
        self._rows: dict[str, Array] = {}
        self._states: dict[Segments, NDArray[np.uint8]] = {}

    def refresh(self) -> None:
        """Look again: a trace being recorded shows its new questions afterwards, and else what it showed before.

        Raises TraceError where the file can no longer be read; then nothing is forgotten.
        """
        states = {segments: self._read_states(segments) for segments in Segments}
        self._rows.clear()
        self._states = states

    @property
    def has_its_name(self) -> bool:
        """Whether who opens this path now reads this very file, and not another one that took its place."""
        return self._file.has_its_name()

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Which questions may be used [N]: recorded, undamaged, and so is their prefix."""
        own = self._question_states() == RowState.SOUND
        return read_only(own & (self._prefix_states() == RowState.SOUND))

    @property
    def complete(self) -> bool:
        """Every question is recorded and undamaged."""
        return bool(self.recorded.all())

    @property
    def damaged(self) -> tuple[int, ...]:
        """Questions whose checksum, or whose prefix's checksum, is wrong. Token rows are checked as they are read."""
        own = self._question_states() == RowState.DAMAGED
        return tuple(np.flatnonzero(own | (self._prefix_states() == RowState.DAMAGED)).tolist())

    @cached_property
    def n_own_tokens(self) -> NDArray[np.int64]:
        """Tokens of each question's own segment [N]."""
        return read_only(np.diff(self._static_array("questions/token_offset")))

    @cached_property
    def n_prefix_tokens(self) -> NDArray[np.int64]:
        """Tokens of each shared prefix [P]."""
        return read_only(np.diff(self._static_array("prefixes/token_offset")))

    @cached_property
    def n_prompt_tokens(self) -> NDArray[np.int64]:
        """Tokens of each question's whole prompt [N], its prefix included."""
        with_none = np.append(self.n_prefix_tokens, 0)  # index -1: no prefix
        return read_only(self.n_own_tokens + with_none[self.prefix])

    @property
    def status(self) -> NDArray[np.uint8]:
        """How each question ended [N], as `Status`; NOT_RECORDED where `recorded` is false."""
        status = self._row_array("answers/status") & np.uint8(STATUS_BITS)
        return read_only(np.where(self.recorded, status, np.uint8(Status.NOT_RECORDED)))

    @property
    def in_smaller_batch(self) -> NDArray[np.bool_]:
        """Recorded questions whose batch was split since the device's memory ran out [N]."""
        split = (self._row_array("answers/status") & IN_SMALLER_BATCH) != 0
        return read_only(np.asarray(self.recorded & split))

    @property
    def predicted(self) -> NDArray[np.int8]:
        """Index of the chosen choice [N]; -1 where the question failed or `recorded` is false."""
        return read_only(np.where(self.recorded, self._row_array("answers/predicted"), np.int8(-1)))

    @property
    def choice_logprobs(self) -> Float32Array:
        """Log-probabilities of the choices [N, C] in nats, padded with NaN."""
        return self._row_array("answers/choice_logprobs")

    @property
    def answer_experts(self) -> ExpertIds:
        """Experts at the answer position [N, L, K], in descending order of router probability."""
        return self._row_array("answers/experts")

    @property
    def answer_weights(self) -> Float16Array:
        """Their weights [N, L, K] as the model uses them."""
        return self._row_array("answers/weights")

    @property
    def router_probs(self) -> Float16Array:
        """Router probabilities over all experts at the answer position [N, L, E]."""
        return self._row_array("answers/router_probs")

    @property
    def question_sums(self) -> SegmentSums:
        """Sums over each question's own segment (S = N): scope `question`."""
        return SegmentSums(**{name: self._row_array(f"question_sums/{name}") for name in SUM_NAMES})

    @property
    def prefix_sums(self) -> SegmentSums:
        """Sums over each shared prefix (S = P); added to those of the question they give scope `prompt`."""
        return SegmentSums(**{name: self._row_array(f"prefix_sums/{name}") for name in SUM_NAMES})

    def _question_states(self) -> NDArray[np.uint8]:
        return self._segment_states(Segments.QUESTIONS)

    def _prefix_states(self) -> NDArray[np.uint8]:
        """State of each question's prefix [N]; sound where it has none."""
        with_none = np.append(self._segment_states(Segments.PREFIXES), np.uint8(RowState.SOUND))
        return np.asarray(with_none[self.prefix])

    def _segment_states(self, segments: Segments) -> NDArray[np.uint8]:
        if segments not in self._states:
            self._states[segments] = self._read_states(segments)
        return self._states[segments]

    def _read_states(self, segments: Segments) -> NDArray[np.uint8]:
        checked = [rows.states for rows in check_segments(self._file, segments, with_tokens=False)]
        return np.concatenate([np.zeros(0, np.uint8), *checked])

    def _row_array(self, name: str) -> Array:
        for segments in Segments:
            self._segment_states(segments)  # first: rows read before their checksum may lack what it vouches for
        if name not in self._rows:
            self._rows[name] = self._file.read(name)
        return self._rows[name]
